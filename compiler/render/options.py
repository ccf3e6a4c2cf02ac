"""What of a graph is drawn, and what colours mean: as a caller asks, and as a picture is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from compiler.analysis.aliasing import regions_of
from compiler.analysis.cost import costs_of
from compiler.errors import ArgumentError
from compiler.ir.dims import Extent, evaluate, symbols
from compiler.ir.finding import find_value, image
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Trait
from compiler.render.colours import COLOURS, Colouring, by_amount, by_precision

ASSUMED: Final = 64
"""The size of a symbolic dimension where nobody gives one, to compare bytes."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asks for.

    `open` names parts of the model that are drawn from inside (`"block2.attention"`), and `depth` is the
    number of names that folded parts have: with 1 the outermost are boxes. `around` is a value, or a kernel,
    that is drawn with what is up to `radius` arrows away. `colour` says what fills mean: `role`, `time`,
    `bytes` (moved) or `precision`.
    """

    detail: bool = False
    open: str | Sequence[str] = ()
    depth: int | None = None
    around: Any = None
    radius: int = 2
    colour: str = "role"


@dataclass(frozen=True, slots=True)
class Show:
    """The same for one graph."""

    detail: bool = False
    open: tuple[str, ...] = ()
    depth: int | None = None
    around: Node | None = None
    radius: int = 2
    colouring: Colouring | None = None
    is_framed: bool = True
    """Without frames pictures fit side by side."""


def show_graph(
    options: Options,
    graph: Graph,
    times: Mapping[Node, float] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Show:
    """For a graph of which perhaps the time of each node is known, and the values of its symbols.

    Bytes are those that each node moves as a kernel of its own. Raises ArgumentError for what is not there.
    """

    def moved() -> dict[Node, Extent]:
        regions = regions_of(graph)
        nodes = [node for node in graph.nodes if not node.op.has(Trait.LEAF)]
        return {
            node: cost.bytes_moved
            for item in nodes
            for node, cost in costs_of((item,), (item,), regions).items()
        }

    around = None if options.around is None else _present(graph, find_value(graph, options.around))
    return show(options, around, times, moved, sizes or {})


def show(
    options: Options,
    around: Node | None,
    times: Mapping[Node, float] | None,
    moved: Callable[[], Mapping[Node, Extent]],
    sizes: Mapping[str, int],
) -> Show:
    """With the amounts that colours may stand for. Raises ArgumentError for what is no option."""
    _check_numbers(options)
    names = _names(options.open)
    colouring = _colouring(options.colour, times, moved, sizes)
    return Show(options.detail, names, options.depth, around, options.radius, colouring)


def _check_numbers(options: Options) -> None:
    depth, radius = options.depth, options.radius
    if depth is not None and not _is_at_least(depth, 1):
        raise ArgumentError(f"depth is the number of names that folded parts have, 1 or more, not {depth!r}")
    if not _is_at_least(radius, 0):
        raise ArgumentError(f"radius is a number of arrows, 0 or more, not {radius!r}")


def _is_at_least(value: Any, least: int) -> bool:
    number = whole_number(value)
    return number is not None and number >= least


def _names(given: Any) -> tuple[str, ...]:
    names: list[Any] = [given] if isinstance(given, str) or not isinstance(given, Iterable) else [*given]
    for name in names:
        if not isinstance(name, str):
            raise ArgumentError(
                f"parts of a model are opened by their names, as in 'block2', not by {name!r}"
            )
    return tuple(names)


def _colouring(
    colour: str,
    times: Mapping[Node, float] | None,
    moved: Callable[[], Mapping[Node, Extent]],
    sizes: Mapping[str, int],
) -> Colouring | None:
    match colour:
        case "role":
            return None
        case "precision":
            return by_precision()
        case "time" if times is not None:
            return by_amount(times, "the time")
        case "time":
            raise ArgumentError(
                "colours that stand for time need what was measured\n"
                "  fix: program.draw(path, colour='time', profile=program.profile(*data))"
            )
        case "bytes":
            return _by_bytes(moved(), sizes)
        case _:
            raise ArgumentError(f"no colours stand for {colour!r}; they stand for {', '.join(COLOURS)}")


def _by_bytes(moved: Mapping[Node, Extent], sizes: Mapping[str, int]) -> Colouring:
    found = dict.fromkeys(name for extent in moved.values() for name in sorted(symbols(extent)))
    given = {name: sizes.get(name, ASSUMED) for name in found}
    said = ", ".join(f"{name}={size}" for name, size in given.items())
    amounts = {node: float(evaluate(extent, given)) for node, extent in moved.items()}
    return by_amount(amounts, "the bytes moved" + (f" with {said}" if said else ""))


def _present(graph: Graph, node: Node) -> Node:
    """What stands for a value in the graph that is drawn."""
    found = image(graph, node)
    if found is None:
        raise ArgumentError(
            f"{graph.names.describe(node)} is in the drawn graph no more: ask program.why what became of it"
        )
    return found
