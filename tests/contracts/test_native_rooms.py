"""The loop language and the native backend: classes are small and whole at once, imports make no circle."""

import ast
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parents[2]
BACKEND = "compiler/backends/llvm"
LOOPS = "compiler/loops"
C = "compiler/backends/c"
ROOMS = (
    *(f"{BACKEND}/{room}" for room in ("jit", "entry", "threads", "emit", "steps", "run")),
    C,
    LOOPS,
    f"{LOOPS}/mathematics",
)
MOST_ATTRIBUTES = 15


def classes(text: str) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]


def declared(cls: ast.ClassDef) -> set[str]:
    """What annotations in the body make attributes, as in a dataclass."""
    return {
        item.target.id
        for item in cls.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item.annotation)
    }


def assigned(function: ast.AST) -> set[str]:
    """The attributes of `self` that a function sets."""
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def attributes(cls: ast.ClassDef) -> tuple[set[str], set[str]]:
    """All attributes of a class, and those of them that are first set outside its constructor."""
    made, late = declared(cls), set[str]()
    for function in (item for item in cls.body if isinstance(item, ast.FunctionDef)):
        if function.name in ("__init__", "__post_init__"):
            made |= assigned(function)
        else:
            late |= assigned(function)
    return made | late, late - made


def modules() -> dict[str, Path]:
    """The modules of the backend and the loop language by their dotted names."""
    found = {}
    for path in [item for folder in (BACKEND, LOOPS, C) for item in (ROOT / folder).rglob("*.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(text: str, known: set[str]) -> set[str]:
    """The known modules that a text imports: anywhere in it, for types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & known or {node.module}
    return found & known


def circles(texts: dict[str, str]) -> list[set[str]]:
    graph = networkx.DiGraph()
    graph.add_edges_from(
        (name, other) for name, text in texts.items() for other in imported(text, set(texts))
    )
    return [found for found in networkx.strongly_connected_components(graph) if len(found) > 1]


@pytest.mark.parametrize("room", ROOMS)
def test_a_class_has_few_attributes_and_sets_them_all_in_its_constructor(room):
    paths = sorted((ROOT / room).glob("*.py"))
    assert paths
    for path in paths:
        for cls in classes(path.read_text(encoding="utf-8")):
            every, late = attributes(cls)
            assert len(every) <= MOST_ATTRIBUTES, (path.name, cls.name, sorted(every))
            assert not late, (path.name, cls.name, sorted(late))


def test_no_module_of_the_rooms_is_in_a_circle_of_imports_even_for_types():
    found = circles({name: path.read_text(encoding="utf-8") for name, path in modules().items()})
    rooms = tuple(room.replace("/", ".") for room in ROOMS)
    assert [circle for circle in found if any(name.startswith(rooms) for name in circle)] == []


def test_what_is_set_late_is_found():
    (cls,) = classes("class A:\n def __init__(self): self.a = 1\n def go(self): self.a, self.b = 2, 3")
    assert attributes(cls) == ({"a", "b"}, {"b"})


def test_a_circle_between_types_is_found():
    texts = {
        "p.a": "if TYPE_CHECKING:\n    from p.b import B",
        "p.b": "def f():\n    from p import a",
        "p": "",
    }
    assert circles(texts) == [{"p.a", "p.b"}]
