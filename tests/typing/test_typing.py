"""The types that a user's checker sees."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_package_says_that_it_is_typed() -> None:
    """PEP 561: without this file a checker takes every name for Any."""
    spec = importlib.util.find_spec("patternspan")
    assert spec is not None
    assert spec.origin is not None
    assert (Path(spec.origin).parent / "py.typed").exists()


def test_decorated_functions_keep_their_types() -> None:
    """Each `assert_type` in `decorated.py` holds, and each wrong call in it is found."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(HERE / "decorated.py")],
        cwd=HERE.parents[1],
        env={**os.environ, "MYPYPATH": "src"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
