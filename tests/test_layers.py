"""Imports point down: the house's order from the ground up, and no circle anywhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import patternspan

HOME = Path(patternspan.__file__).parent

# Each may import what stands before it, and its own folder. Neighbours, on one line, are blind to each other.
FLOORS: list[set[str]] = [
    {"errors"},
    {"config", "files", "hidden", "layout", "procfs"},
    {"model", "schema_files"},
    {"record"},
    {"export"},
    {"log"},
    {"aggregate"},
    {"evidence", "frames", "store"},
    {"api", "compat", "condition", "reading", "recovery", "testing"},
    {"delivery", "importing", "job_state"},
    {"providers"},
    {"own_provider", "setup"},
    {"instrumentor"},
    {"upkeep"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
# The write side knows nothing of the read side.
BLIND = {("record", "log"), ("export", "log"), ("log", "record"), ("log", "export"), ("aggregate", "record"),
         ("aggregate", "export"), ("aggregate", "log"), ("evidence", "record"), ("evidence", "export"),
         ("store", "record"), ("store", "export"), ("frames", "record"), ("frames", "export"),
         ("api", "record"), ("api", "export")}  # fmt: skip


def _modules() -> dict[str, Path]:
    found = {}
    for path in HOME.rglob("*.py"):
        parts = path.relative_to(HOME).with_suffix("").parts
        found[".".join(("patternspan", *parts)).removesuffix(".__init__")] = path
    return found


MODULES = _modules()


def _imports(path: Path, *, only_at_import: bool) -> set[str]:
    """Return the modules of ours that a file imports; imports for types alone are left out."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if only_at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES else node.module or "")
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return {name for name in found if name.partition(".")[0] == "patternspan"}


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _floor(part: str) -> int:
    (floor,) = [number for number, parts in enumerate(FLOORS) if part in parts]
    return floor


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """Also those inside functions."""
    part = _part(module)
    wrong = [
        name
        for name in _imports(MODULES[module], only_at_import=False)
        if _part(name) != part and (_floor(_part(name)) >= _floor(part) or (part, _part(name)) in BLIND)
    ]
    assert wrong == []


def test_no_import_goes_in_a_circle() -> None:
    """Between modules, as they are loaded."""
    graph = {module: _imports(path, only_at_import=True) for module, path in MODULES.items()}
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for name in graph.get(module, ()):
                walk(name, (*way, module))
            done.add(module)

    for module in graph:
        walk(module, ())


def test_the_ground_reads_no_clock_and_no_file() -> None:
    """The model is values and words: OpenTelemetry is not among its imports."""
    for module, path in MODULES.items():
        if _part(module) in {"errors", "model", "layout"}:
            text = path.read_text()
            assert "opentelemetry" not in "".join(
                line for line in text.splitlines() if line.startswith(("import", "from"))
            ), module
