"""Random formulas for hypothesis: tapes whose lines have arguments of the kinds that their atoms take."""

from hypothesis import strategies as st

from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS, Rule
from compiler.ir.formula.tape import Const, Formula, Ref, Tape

OF_NUMBERS = [x for x, atom in ATOMS.items() if atom.rule is Rule.BITWISE or atom.rule not in OF_INTEGERS]
NUMBERS = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([-0.0, 0, 1, -1]),
).map(Const)


OF_NUMBERS = [name for name, atom in ATOMS.items() if atom.rule is not Rule.INTEGER]


@st.composite
def formulas(draw: st.DrawFn, longest: int = 12) -> Formula:
    """A well-typed formula of one to three parameters, all numbers."""
    count = draw(st.integers(1, 3))
    tape = Tape([f"x{k}" for k in range(count)])
    numbers: list[Ref] = list(range(count))
    truths: list[Ref] = [Const(True), Const(False)]

    def number() -> Ref:
        return draw(st.one_of(st.sampled_from(numbers), NUMBERS))

    def truth() -> Ref:
        return draw(st.sampled_from(truths))

    for _ in range(draw(st.integers(0, longest))):
        atom = ATOMS[draw(st.sampled_from(OF_NUMBERS))]
        match atom.rule:
            case Rule.BITWISE:
                truths.append(tape.emit(atom.name, *(truth() for _ in range(atom.arity))))
            case Rule.COMPARISON | Rule.TEST:
                truths.append(tape.emit(atom.name, *(number() for _ in range(atom.arity))))
            case Rule.WHERE:
                numbers.append(tape.emit("where", truth(), number(), number()))
            case _:
                numbers.append(tape.emit(atom.name, *(number() for _ in range(atom.arity))))
    return tape.finish("f", numbers[-1])
