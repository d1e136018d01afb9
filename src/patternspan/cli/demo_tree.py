"""The tree that the demo looks at, and the catalogue of patterns that it chooses from."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from string import Template
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from patternspan.model.vocabulary import SelectionMethod
    from patternspan.record.phases import Selection, Validation
    from patternspan.record.run import Run

_LEFT_OUT: Final = frozenset({"__pycache__", "node_modules", "build", "dist"})


class Pattern(NamedTuple):
    """One entry of the catalogue."""

    pattern_id: str
    operation_kind: str
    offers: str
    """What it is good for, within its kind."""
    file_type: str
    """Files that it needs in the tree; empty where any will do."""
    template: str
    """The command, with `$names` to fill in; empty for a pattern that is a Python function."""


CATALOGUE: Final = (
    Pattern(
        "PAT-RUFF-001",
        "static_analysis",
        "findings",
        ".py",
        "$python -m ruff check --isolated --no-cache --target-version $target --select $rules"
        " --output-format json --output-file $report $tree",
    ),
    Pattern(
        "PAT-COMPILE-001",
        "static_analysis",
        "syntax",
        ".py",
        "$python -m compileall -f -i $file_list",
    ),
    Pattern("PAT-MEASURE-001", "measurement", "statistics", ".py", ""),
    Pattern("PAT-DUPES-001", "measurement", "duplicates", "", ""),
    Pattern("PAT-LOCK-001", "dependency_audit", "pins", "", ""),
    Pattern(
        "PAT-PYTEST-001",
        "test",
        "tests",
        "",
        "$python -m pytest -q -p no:cacheprovider --junit-xml $report $project",
    ),
)


class Tree:
    """A folder of files, and where the demo puts what it makes of it."""

    def __init__(self, path: str, out: str) -> None:
        self.path = os.path.abspath(path)
        self.out = out
        self.files = sorted(_files(self.path))
        self.file_types = sorted({os.path.splitext(name)[1] for name in self.files} - {""})

    @property
    def python_files(self) -> list[str]:
        """The paths of the Python files."""
        return [name for name in self.files if name.endswith(".py")]

    def short(self, path: str) -> str:
        """Return a path as it is seen from the tree."""
        return os.path.relpath(path, self.path)

    def make(self, name: str) -> str:
        """Return the path of a file to make, its folder there."""
        os.makedirs(self.out, mode=0o700, exist_ok=True)
        return os.path.join(self.out, name)


def _files(folder: str) -> Iterator[str]:
    """Yield the plain files below a folder, but for hidden ones and what builds leave behind."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith(".")]
        for name in names:
            path = os.path.join(parent, name)
            if not name.startswith(".") and stat.S_ISREG(_mode(path)):
                yield path


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0


def candidates(operation_kind: str) -> list[str]:
    """Return the ids of the patterns of a kind."""
    return [pattern.pattern_id for pattern in CATALOGUE if pattern.operation_kind == operation_kind]


def choose(
    selection: Selection, tree: Tree, operation_kind: str, wanted: str, method: SelectionMethod = "auto"
) -> Pattern | None:
    """Resolve to the pattern that offers what is wanted, or fail where the tree has no files for it."""
    for pattern in CATALOGUE:
        if pattern.operation_kind == operation_kind and pattern.offers == wanted:
            if pattern.file_type and pattern.file_type not in tree.file_types:
                selection.fail(f"{tree.path}: no {pattern.file_type} file in it")
                return None
            selection.resolve(pattern.pattern_id, method=method, inputs={"tree": tree.path})
            return pattern
    raise LookupError(f"the catalogue has no {operation_kind} pattern for {wanted}")


def fill(template: str, variables: Mapping[str, str]) -> list[str]:
    """Return the words of a template's command, each variable filled in as one word."""
    return shlex.split(Template(template).substitute({name: shlex.quote(value) for name, value in variables.items()}))


def check_tool(validation: Validation, module: str) -> None:
    """Check that a tool is installed, as a module of this interpreter."""
    error = f"{module} is not installed: python -m pip install 'patternspan[demo]'"
    validation.check(f"{module} is installed", find_spec(module), error)


def name_tool(run: Run, module: str) -> None:
    """Tell the run the name and the version of its tool, which its command, an interpreter, does not say."""
    run.note(tool_name=module)
    with suppress(PackageNotFoundError):
        run.note(tool_version=version(module))


def check_path(validation: Validation, path: str) -> None:
    """Check that a path is there and can be read."""
    validation.check("path can be read", os.access(path, os.R_OK), f"{path}: cannot be read")


def interpreter() -> dict[str, str]:
    """Return the variable that every template begins with."""
    return {"python": sys.executable}


def python_target() -> str:
    """Return this Python's version in ruff's words, as far as every ruff that the extra takes knows it."""
    return f"py3{min(sys.version_info.minor, 13)}"


def context_of(tree: Tree, wanted: str) -> dict[str, Any]:
    """Return what a choice rests on."""
    return {"wanted": wanted, "file_types": tree.file_types, "files": len(tree.files)}
