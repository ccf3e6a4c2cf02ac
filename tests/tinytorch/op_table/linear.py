"""Rows of dense linear algebra."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import Row, torch
from tinytorch import linalg as of

R = np.random.default_rng(11)
STACKS = [(), (2,), (2, 1, 2)]


def regular(*shape):
    """Square matrices far from singular."""
    return R.uniform(-1, 1, shape) + 3 * np.eye(shape[-1])


def definite(*shape):
    """Symmetric and positive definite, with eigenvalues well apart."""
    found = R.uniform(-0.3, 0.3, shape)
    return found + found.swapaxes(-1, -2) + np.diag(np.arange(1.0, shape[-1] + 1) * 2)


def of_matrix(make, rows=3, columns=3):
    return [(make(*stack, rows, columns),) for stack in STACKS]


def with_right(make, rows=3, columns=3, right=2):
    return [(make(*stack, rows, columns), R.uniform(-1, 1, (*stack, rows, right))) for stack in STACKS]


def tall(*shape):
    found = R.uniform(-1, 1, shape)
    found[..., :3, :] += 2 * np.eye(3, shape[-1])
    return found


def _transpose(x):
    return x.swapaxes(-1, -2)


def _symmetric(x):
    return (x + x.swapaxes(-1, -2)) / 2


LINEAR = [
    Row("solve", of.solve, torch.linalg.solve, with_right(regular)),
    Row("solve of a vector", of.solve, torch.linalg.solve, [(regular(3, 3), R.uniform(-1, 1, 3))]),
    Row("solve for many", of.solve, torch.linalg.solve, [(regular(3, 3), R.uniform(-1, 1, (2, 3, 2)))]),
    Row("inv", of.inv, torch.linalg.inv, of_matrix(regular)),
    Row("det", of.det, torch.linalg.det, of_matrix(regular)),
    Row("slogdet", lambda x: of.slogdet(x)[1], lambda x: torch.linalg.slogdet(x)[1], of_matrix(regular)),
    Row("logdet", of.logdet, torch.logdet, of_matrix(regular)),
    Row(
        "cholesky",
        lambda x: of.cholesky(_symmetric(x)),
        lambda x: torch.linalg.cholesky(_symmetric(x)),
        of_matrix(definite),
    ),
    Row(
        "cholesky_solve",
        lambda a, b: of.cholesky_solve(b, a),
        lambda a, b: torch.cholesky_solve(b, torch.tril(a)),
        with_right(regular),
    ),
    *[
        Row(
            f"solve_triangular {upper} {left} {unit}",
            lambda a, b, upper=upper, left=left, unit=unit: of.solve_triangular(
                a, b if left else _transpose(b), upper=upper, left=left, unitriangular=unit
            ),
            lambda a, b, upper=upper, left=left, unit=unit: torch.linalg.solve_triangular(
                a, b if left else _transpose(b), upper=upper, left=left, unitriangular=unit
            ),
            with_right(regular),
        )
        for upper in (False, True)
        for left in (False, True)
        for unit in (False, True)
    ],
    Row("qr q", lambda x: of.qr(x)[0], lambda x: torch.linalg.qr(x)[0], of_matrix(tall, 5)),
    Row("qr r", lambda x: of.qr(x)[1], lambda x: torch.linalg.qr(x)[1], of_matrix(tall, 5)),
    Row("qr wide", lambda x: of.qr(x)[1], lambda x: torch.linalg.qr(x)[1], of_matrix(tall, 3, 5)),
    Row("eigvalsh", of.eigvalsh, torch.linalg.eigvalsh, of_matrix(definite), is_smooth=False),
    Row(
        "eigh without signs",
        lambda x: of.eigh(_symmetric(x))[1] ** 2,
        lambda x: torch.linalg.eigh(_symmetric(x))[1] ** 2,
        of_matrix(definite),
    ),
    Row("lstsq", of.lstsq, lambda a, b: torch.linalg.lstsq(a, b).solution, with_right(tall, 5)),
    *[
        Row(
            f"matrix_power {n}",
            lambda x, n=n: of.matrix_power(x / 3, n) + x,
            lambda x, n=n: torch.linalg.matrix_power(x / 3, n) + x,
            of_matrix(regular),
        )
        for n in (5, 0, -2)
    ],
    *[
        Row(
            f"vector_norm {order}",
            lambda x, order=order: of.vector_norm(x, order, -1),
            lambda x, order=order: torch.linalg.vector_norm(x, order, -1),
            [(regular(3, 3),), (regular(2, 3, 3),)],
            is_smooth=order not in (0, np.inf, -np.inf),
        )
        for order in (0, 1, 2, 2.5, -1, np.inf, -np.inf)
    ],
    *[
        Row(
            f"matrix_norm {order}",
            lambda x, order=order: of.matrix_norm(x, order),
            lambda x, order=order: torch.linalg.matrix_norm(x, order),
            [(regular(3, 3),), (regular(2, 3, 3),)],
            is_smooth=order == "fro",
        )
        for order in ("fro", 1, -1, np.inf, -np.inf)
    ],
]
