"""A writer that is stopped holds nobody up, at whatever step of a recording call it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from harness import HERE, Child, HeldUp, problems
from steps import FULL, WRITING

AT_STEP = """
import os, signal
from steps import every_step
steps = 0
for _ in every_step(lambda: os.kill(os.getpid(), signal.SIGSTOP), lambda: write(1, {size}), {step}, {inside!r}):
    steps += 1
result = steps
"""


def stopped_at_each_step(
    root: Path,
    kind: str = "ours",
    options: dict[str, Any] | None = None,
    *,
    patience: float = 30,
    size: int = 300,
    count: Any = None,
) -> list[str]:
    """Stop a writer at each step of its calls in turn, and let another record meanwhile; return what went wrong."""
    inside = WRITING if kind == "ours" else str(HERE)
    step = 1 if FULL or kind != "ours" else 5
    with (
        Child(root, kind, "stopped", options=options) as child,
        Child(root, kind, "other", options=options) as other,
    ):
        other.patience = patience
        child.tell(AT_STEP.format(size=size, step=step, inside=inside))
        stops = 0
        while child.takes_a_stop():
            stops += 1
            try:
                other.write(2, size)
            except HeldUp:
                return [f"held up by a writer that is stopped at its step {stops}"]
            child.go_on()
        assert child.answer() == stops > 0
        if count is not None:
            count(stops=stops)
        child.kill()
        other.kill()
        return problems(root, [*child.acked, *other.acked])


@pytest.mark.parametrize("durability", ["os", "interval", "event"])
def test_a_writer_stopped_at_any_step_holds_nobody_up(root_folder: Path, count: Any, durability: str) -> None:
    """Another records on, and both have all their lines."""
    assert stopped_at_each_step(root_folder, count=count, options={"durability": durability}) == []


def test_a_writer_stopped_in_a_job_of_its_own_holds_nobody_up(root_folder: Path, count: Any) -> None:
    """The same with the job's log and with lines of 20 kB."""
    assert stopped_at_each_step(root_folder, options={"job_log": True}, size=20_000, count=count) == []


def test_a_lock_that_processes_share_is_found_out(root_folder: Path) -> None:
    """Who is stopped while it holds an flock holds all others up."""
    (found,) = stopped_at_each_step(root_folder, "locked", patience=0.5)
    assert found.startswith("held up by a writer that is stopped at its step")


def test_a_line_in_two_writes_is_found_out(root_folder: Path) -> None:
    """Who is stopped between the halves of a line finds another's in the middle of it."""
    assert re.match(r"lost \d+ of", stopped_at_each_step(root_folder, "halves")[0])
