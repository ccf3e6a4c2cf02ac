"""The optimisations: one per file, none knowing another. The default orders are these two visible tuples."""

from __future__ import annotations

from typing import Final

from compiler.pipeline.contract import RewritingPass, SchedulingPass
from passes.channels_last import ChannelsLast
from passes.common_subexpressions import CommonSubexpressions
from passes.dead_code import DeadCode
from passes.fold_constants import FoldConstants
from passes.fuse_draws import FuseDraws
from passes.fuse_elementwise import FuseElementwise
from passes.fuse_epilogues import FuseEpilogues
from passes.inplace import InPlace
from passes.panel_constants import PanelConstants
from passes.phase_folds import PhaseFolds
from passes.recompute import Recompute
from passes.save_outputs import SaveOutputs
from passes.scale_constants import ScaleConstants
from passes.simplify import Simplify
from passes.split_sums import SplitSums
from passes.transpose_factors import TransposeFactors
from passes.unroll_products import UnrollProducts

REWRITES: Final[tuple[RewritingPass, ...]] = (
    DeadCode(),
    FoldConstants(),
    Simplify(),
    CommonSubexpressions(),
    PhaseFolds(),
    ChannelsLast(),
    UnrollProducts(),
    SplitSums(),
    TransposeFactors(),
    PanelConstants(),
    SaveOutputs(),
    Recompute(),
)
"""Graph to graph, in this order."""

FREEZING: Final[tuple[RewritingPass, ...]] = (*REWRITES[:4], ScaleConstants(), *REWRITES[4:])
"""The same of a program whose parameters are frozen: it only infers, and bits of its weights may change."""

SCHEDULING: Final[tuple[SchedulingPass, ...]] = (FuseEpilogues(), FuseElementwise(), FuseDraws(), InPlace())
"""Schedule to schedule, in this order."""
