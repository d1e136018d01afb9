"""The real programs: collector, Jaeger and Prometheus, on free ports, one set for each process that runs tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME / "scripts"))

from stack_install import missing, stack_folder  # noqa: E402
from stack_run import Stack  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the programs, so that `-m "not stack"` leaves it out."""
    for item in items:
        if "programs" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the programs."""
    lacking = missing()
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not installed: run scripts/stack install")
    return stack_folder() / "bin"


@pytest.fixture(scope="session")
def stack(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack."""
    made = Stack.make(tmp_path_factory.mktemp("stack"), free_ports=True)
    made.up()
    yield made
    made.down()


@pytest.fixture
def own(programs: Path, tmp_path: Path) -> Iterator[Stack]:
    """A collector and a Jaeger of this test's own, which it may hurt."""
    made = Stack.make(tmp_path / "stack", free_ports=True)
    made.start("jaeger")
    made.start("collector")
    yield made
    made.down()


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python code or a file in an empty folder, whose `state` is the root."""

    def run(*words: str, check: bool = True, **variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run
