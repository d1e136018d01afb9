"""What fault injection needs of the machine, a fixture each: missing, it fails in CI and skips elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def root_folder(tmp_path: Path) -> Path:
    """Return the root that the children record to."""
    return tmp_path / "state"


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script that may import the programs of this folder, in an empty folder whose `state` is the root."""

    def run(script: str, *words: str, code: int = 0, timeout: float = 120, **variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HERE), **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == code, done.stderr
        return done

    return run
