"""A pendulum of which eighteen noisy angles are known: its motion, length and friction, by the physics.

    python examples/17_pendulum.py

A network maps a time to an angle. It is asked to be near what was measured, and to obey the pendulum's
equation everywhere, also where nothing was measured,

    angle'' + friction * angle' + (gravity / length) * sin(angle) = 0

whose two constants are parameters beside the weights (Raissi et al., Physics-informed neural networks, 2019).
The derivatives by time are `tt.grad` of the network by its input, and the loss, in which they stand, is
differentiated once more by the weights: one graph, compiled once.
"""

import time

import numpy as np

import tinytorch as tt

FRICTION, STIFFNESS, START = 0.3, 2.0, 1.8
MEASURED, END, POINTS, STEPS = 6.0, 9.0, 96, 6000
schedules = tt.optim.schedules


def motion(times: np.ndarray) -> np.ndarray:
    """The true angles: fourth-order Runge-Kutta in steps of a thousandth."""

    def slope(state: np.ndarray) -> np.ndarray:
        return np.array([state[1], -FRICTION * state[1] - STIFFNESS * np.sin(state[0])])

    step, path = 1e-3, [np.array([START, 0.0])]
    for _ in range(round(END / step)):
        s = path[-1]
        a = slope(s)
        b = slope(s + step / 2 * a)
        c = slope(s + step / 2 * b)
        d = slope(s + step * c)
        path.append(s + step / 6 * (a + 2 * b + 2 * c + d))
    return np.interp(times, step * np.arange(len(path)), np.array(path)[:, 0])


class Pendulum(tt.nn.Module):
    """The angle at a time, and the two constants, kept positive by a softplus."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.angle = tt.nn.Sequential(
            tt.nn.Dense(1, 48), tt.nn.Tanh(), tt.nn.Dense(48, 48), tt.nn.Tanh(), tt.nn.Dense(48, 1)
        )
        self.raw = tt.parameter(np.zeros(2, np.float32))

    def forward(self, t: tt.Tensor) -> tt.Tensor:
        return self.angle(t.unsqueeze(-1) / (END / 4) - 2).squeeze(-1)

    def constants(self) -> tt.Tensor:
        """Friction, and gravity over length."""
        return tt.softplus(self.raw)


def residual(pendulum: Pendulum, t: tt.Tensor) -> tt.Tensor:
    """By how much the equation does not hold at each time."""
    angle = pendulum(t)
    velocity = tt.grad(angle.sum(), t)  # each angle depends on its own time alone
    acceleration = tt.grad(velocity.sum(), t)
    friction, stiffness = pendulum.constants()
    return acceleration + friction * velocity + stiffness * tt.sin(angle)


generator = np.random.default_rng(0)
times = np.linspace(0, MEASURED, 18).astype(np.float32)
angles = (motion(times) + 0.05 * generator.standard_normal(times.shape)).astype(np.float32)

pendulum = Pendulum()
t, seen, angle = tt.input("t", (POINTS,)), tt.input("seen", times.shape), tt.input("angle", times.shape)
data = tt.losses.mse(pendulum(seen), angle)
physics = tt.losses.mse(residual(pendulum, t), tt.zeros(t.shape))
loss = data + 0.1 * physics
optimiser = tt.optim.Adam(
    [{"params": pendulum.angle.parameters()}, {"params": pendulum.raw, "lr": 1e-2 * schedules.cosine(STEPS)}],
    lr=4e-3 * schedules.cosine(STEPS, warmup=100),
)
step = tt.compile([t, seen, angle], [data, physics], updates=optimiser.updates(loss))

began = time.perf_counter()
for k in range(STEPS):
    places = ((np.arange(POINTS) + generator.random(POINTS)) * (END / POINTS)).astype(np.float32)
    costs = step(places, times, angles)
    if k % (STEPS // 4) == 0:
        print(f"step {k:5}: measured {costs[0]:.5f}, equation {costs[1]:.5f}")
seconds = time.perf_counter() - began

every = np.linspace(0, END, 181).astype(np.float32)
query = tt.input("query", every.shape)
found, constants = tt.compile(query, [pendulum(query), pendulum.constants()])(every)
wrong = np.abs(found - motion(every))
print(f"{STEPS} steps in {seconds:.1f} s, {seconds / STEPS * 1e6:.0f} us each")
print(f"friction {constants[0]:.3f} of {FRICTION}; gravity / length {constants[1]:.3f} of {STIFFNESS}")
print(f"angles within {wrong[every <= MEASURED].max():.3f} where it was measured, {wrong.max():.3f} beyond")
assert abs(constants[0] - FRICTION) < 0.06
assert abs(constants[1] - STIFFNESS) < 0.1
assert wrong.max() < 0.15
