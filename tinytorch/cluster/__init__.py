"""Beyond one process: many runs, and data too large for one machine, on the workers of Dask.

    with tt.cluster.connect() as machines:        # local processes; or an address, or a Dask client
        runs = machines.sweep(make_run, {"lr": [1e-3, 3e-3]}, data=(x, y), epochs=20)

Needs the library `distributed` (extra `cluster`), which is loaded by `connect`.
"""

from typing import TYPE_CHECKING

from tinytorch.guards import missing_from

__all__ = [
    "connect",
    "Machines",
    "Advice",
    "SweepAdvice",
    "Training",
    "Random",
    "Uniform",
    "Adaptive",
    "Halving",
    "Runs",
    "Run",
    "Failure",
]

if TYPE_CHECKING:
    from tinytorch.cluster.advice.advice import Advice
    from tinytorch.cluster.advice.sweeps import SweepAdvice
    from tinytorch.cluster.connecting import connect
    from tinytorch.cluster.machines import Machines
    from tinytorch.cluster.sweeping.adaptive import Adaptive
    from tinytorch.cluster.sweeping.halving import Halving
    from tinytorch.cluster.sweeping.run import Failure, Run
    from tinytorch.cluster.sweeping.runs import Runs
    from tinytorch.cluster.sweeping.space import Random, Uniform
    from tinytorch.cluster.sweeping.training import Training
else:
    __getattr__ = missing_from(
        __name__,
        connect="connecting",
        Machines="machines",
        Advice="advice.advice",
        SweepAdvice="advice.sweeps",
        Training="sweeping.training",
        Random="sweeping.space",
        Uniform="sweeping.space",
        Adaptive="sweeping.adaptive",
        Halving="sweeping.halving",
        Runs="sweeping.runs",
        Run="sweeping.run",
        Failure="sweeping.run",
    )


def __dir__() -> list[str]:
    """What is public, and nothing else."""
    return sorted(__all__)
