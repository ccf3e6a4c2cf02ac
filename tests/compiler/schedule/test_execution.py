from compiler.ir.graph import Graph
from compiler.schedule.execution import Copy, Release, Run, steps_of
from compiler.schedule.plan import InOutput, InParameter, InSlab
from compiler.schedule.planner import make_plan
from compiler.schedule.schedule import Schedule


def told(text: str) -> list[str]:
    """The steps of a graph's plan, a word and what it is about each."""
    plan = make_plan(Schedule.of(Graph.parse(text)))
    lines: list[str] = []
    for step in steps_of(plan):
        match step:
            case Run():
                assert plan.schedule.kernels[step.number] is step.kernel
                lines.append(f"run {step.kernel.members[0].name}")
            case Release():
                lines.append(f"release {len(step.slots)}")
            case Copy(target=InOutput() as place):
                lines.append(f"output {place.position} <- {step.value.name}")
            case Copy(target=InParameter() as place):
                aside = " from aside" if step.source is not None else ""
                lines.append(f"{place.parameter.name} <- {step.value.name}{aside}")
            case Copy(target=InSlab()):
                lines.append(f"aside <- {step.value.name}")
    return lines


def test_commits_of_a_swap_follow_the_last_kernel_that_reads_and_one_value_moves_aside():
    text = """
    %a = parameter(@a) : f32[3]
    %b = parameter(@b) : f32[3]
    %x = input : f32[3]
    %h = add(%a, %b) : f32[3]
    %y = mul(%h, %x) : f32[3]
    %z = exp(%y) : f32[3]
    update %a <- %b
    update %b <- %a
    return %z, %x
    """
    assert told(text) == [
        "run h",
        "aside <- b",
        "b <- a",
        "a <- b from aside",
        "release 1",
        "run y",
        "release 1",
        "run z",
        "output 1 <- x",
    ]


def test_without_kernels_outputs_are_copied_before_parameters_are_written():
    text = """
    %a = parameter(@a) : f32[3]
    %x = input : f32[3]
    update %a <- %x
    return %a
    """
    assert told(text) == ["output 0 <- a", "a <- x"]
