"""The executors of `patternspan demo`: ordinary functions under `@pattern_span`, and the work that they really do.

Each takes the same four phases: it chooses a pattern of the catalogue, fills in the pattern's template, checks what
must hold before it can start, and executes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from typing import Any, Final

from patternspan.cli.demo_measure import Measure, pinned_packages
from patternspan.cli.demo_tree import (
    Tree,
    candidates,
    check_path,
    check_tool,
    choose,
    context_of,
    fill,
    interpreter,
    name_tool,
    python_target,
)
from patternspan.record.current import current_run
from patternspan.record.decorator import pattern_span

_TIMEOUT_SECONDS: Final = 120
_RULES: Final = "F,B,C90,PLR09"
_LOCK_FILES: Final = ("pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "requirements.txt")
_PROJECT: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "demo_project")

Result = dict[str, Any] | None


@pattern_span("PAT-RUFF-001", operation_kind="static_analysis", pattern_version="1.0")
def lint(tree: Tree) -> Result:
    """Count what ruff finds; ruff's exit code 1 says that there are findings, which is no failure."""
    run = current_run()
    with run.selecting(candidates("static_analysis"), context=context_of(tree, "findings")) as selection:
        pattern = choose(selection, tree, "static_analysis", "findings")
    if pattern is None:
        return None
    report = tree.make("ruff.json")
    with run.expanding() as expansion:
        variables = {"target": python_target(), "rules": _RULES, "report": report, "tree": tree.path}
        argv = fill(pattern.template, {**interpreter(), **variables})
        expansion.resolved({**interpreter(), **variables})
        expansion.command(argv)
    with run.validating(checks=["ruff is installed", "path can be read"]) as validation:
        check_tool(validation, "ruff")
        check_path(validation, tree.path)
    if not validation.ok:
        return None
    name_tool(run, "ruff")
    result = run.command(argv, success_codes=(0, 1), timeout=_TIMEOUT_SECONDS)
    if not result.ok:
        return None
    run.artifact(report)
    with open(report, encoding="utf-8") as file:
        rules = Counter(finding["code"] or "syntax" for finding in json.load(file))
    return {"findings": rules.total(), "rules": dict(rules.most_common(5))}


@pattern_span("PAT-COMPILE-001", operation_kind="static_analysis", pattern_version="1.0")
def compile_all(tree: Tree) -> Result:
    """Compile every Python file, into a folder that is thrown away: the tree stays as it is."""
    run = current_run()
    with run.selecting(candidates("static_analysis"), context=context_of(tree, "syntax")) as selection:
        pattern = choose(selection, tree, "static_analysis", "syntax")
    if pattern is None:
        return None
    with run.expanding() as expansion:
        file_list = tree.make("files.txt")
        with open(file_list, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(f"{path}\n" for path in tree.python_files)
        argv = fill(pattern.template, {**interpreter(), "file_list": file_list})
        expansion.resolved(2)
        expansion.command(argv)
        expansion.artifact(file_list)
    with run.validating(checks=["path can be read"]) as validation:
        check_path(validation, tree.path)
    if not validation.ok:
        return None
    with tempfile.TemporaryDirectory(prefix="patternspan-demo-") as folder:
        # What the tool itself imports is not to be written beside what it compiles.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        run.command(argv, env=environment, timeout=_TIMEOUT_SECONDS)
        compiled = sum(name.endswith(".pyc") for _, _, names in os.walk(folder) for name in names)
    return {"files": len(tree.python_files), "compiled": compiled}


@pattern_span("PAT-MEASURE-001", operation_kind="measurement", pattern_version="1.0")
def measure(tree: Tree) -> Result:
    """Count lines and functions, and find the longest function."""
    run = current_run()
    with run.selecting(candidates("measurement"), context=context_of(tree, "statistics")) as selection:
        if choose(selection, tree, "measurement", "statistics") is None:
            return None
    with run.validating(checks=["path can be read"]) as validation:
        check_path(validation, tree.path)
    if not validation.ok:
        return None
    found = Measure()
    with run.executing():
        for path in tree.python_files:
            reason = found.read(path, tree.short(path))
            if reason:
                run.warn(f"{tree.short(path)}: {reason}")
    return found.summary()


@pattern_span("PAT-DUPES-001", operation_kind="measurement", pattern_version="1.0")
async def find_duplicates(tree: Tree) -> Result:
    """Hash all files at once, in threads, and find those that are equal."""
    run = current_run()
    with run.selecting(candidates("measurement"), context=context_of(tree, "duplicates")) as selection:
        choose(selection, tree, "measurement", "duplicates")
    async with run.validating(checks=["path can be read"]) as validation:
        check_path(validation, tree.path)
    if not validation.ok:
        return None
    async with run.executing():
        hashes = await asyncio.gather(*(asyncio.to_thread(_hash, path) for path in tree.files))
    groups = defaultdict(list)
    for path, found in zip(tree.files, hashes, strict=True):
        if found is None:
            run.warn(f"{tree.short(path)}: cannot be read")
        else:
            groups[found].append(tree.short(path))
    equal = [paths for paths in groups.values() if len(paths) > 1]
    return {"files": len(tree.files), "duplicates": sum(map(len, equal)) - len(equal), "equal_files": equal}


def _hash(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


@pattern_span("PAT-LOCK-001", operation_kind="dependency_audit", pattern_version="1.0")
def audit_lock_file(tree: Tree) -> Result:
    """Count the packages that the tree's lock file pins; a tree without one does not get past validation."""
    run = current_run()
    with run.selecting(candidates("dependency_audit"), context=context_of(tree, "pins")) as selection:
        choose(selection, tree, "dependency_audit", "pins", "explicit")
    there = [name for name in _LOCK_FILES if os.path.isfile(os.path.join(tree.path, name))]
    with run.validating(checks=["path can be read", "lock file is there"]) as validation:
        check_path(validation, tree.path)
        validation.check("lock file is there", there, f"none of {', '.join(_LOCK_FILES)}")
    if not validation.ok:
        return None
    with run.executing():
        pinned = pinned_packages(os.path.join(tree.path, there[0]))
    return {"packages": len(pinned), "lock_file": there[0]}


@pattern_span("PAT-PYTEST-001", operation_kind="test", pattern_version="1.0")
def run_tests(tree: Tree) -> Result:
    """Test a copy of the sample project, which has one mistake in it: pytest ends with exit code 1."""
    run = current_run()
    with run.selecting(candidates("test"), context=context_of(tree, "tests")) as selection:
        pattern = choose(selection, tree, "test", "tests", "explicit")
    if pattern is None:
        return None
    with tempfile.TemporaryDirectory(prefix="patternspan-demo-") as folder:
        project, report = os.path.join(folder, "project"), tree.make("pytest.xml")
        with run.expanding() as expansion:
            shutil.copytree(_PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
            variables = {**interpreter(), "report": report, "project": project}
            argv = fill(pattern.template, variables)
            expansion.resolved(variables)
            expansion.command(argv)
        with run.validating(checks=["pytest is installed", "path can be read"]) as validation:
            check_tool(validation, "pytest")
            check_path(validation, project)
        if not validation.ok:
            return None
        name_tool(run, "pytest")
        run.command(argv, cwd=project, env=_pytest_environment(), timeout=_TIMEOUT_SECONDS)
    if os.path.isfile(report):
        run.artifact(report)
    return _test_counts(report)


def _pytest_environment() -> dict[str, str]:
    """Return an environment in which pytest does what it does anywhere: no plugins and options from around."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return {**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _test_counts(report: str) -> dict[str, int]:
    """Return the figures of a JUnit report; empty where pytest left none."""
    from xml.etree import ElementTree

    try:
        suite = ElementTree.parse(report).find("testsuite")  # noqa: S314 - pytest has just written it
    except (OSError, ElementTree.ParseError):
        return {}
    if suite is None:
        return {}
    tests, failed, errors, skipped = (int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped"))
    return {"passed": tests - failed - errors - skipped, "failed": failed, "errors": errors, "skipped": skipped}
