"""The table of promises names every injection, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from promises import PROMISES, promise_of

HERE = Path(__file__).parent


def test_every_injection_stands_under_a_promise() -> None:
    """So that `scripts/faults` leaves none out."""
    tests = [
        (path.stem.removeprefix("test_faults_"), name)
        for path in HERE.glob("test_faults_*.py")
        if path != Path(__file__)
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    ]
    assert [test for test in tests if promise_of(*test) is None] == []
    starts = [start for promise in PROMISES for start in promise.tests]
    assert [start for start in starts if not any(f"{file}: {name}".startswith(start) for file, name in tests)] == []
