"""Something happens at a chosen step of the recording path: between two bytecodes (or lines) of the package, any two.

A signal handler, a garbage collection, SIGSTOP and SIGKILL come between bytecodes. Which, is left to chance elsewhere;
here each place has its turn.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import patternspan

PACKAGE = os.path.dirname(os.path.abspath(patternspan.__file__)) + os.sep
WRITING = tuple(PACKAGE + part for part in ("export/", "record/hub", "record/run", "record/lines", "model/", "compat"))
"""What a line passes on its way; redaction, which holds nothing that others wait for, has very many steps."""
Places = str | tuple[str, ...]
"""Beginnings of the paths of files whose steps count."""
FULL = os.environ.get("FAULTS_FULL") == "1"
"""The long form: every bytecode where the short one takes every line."""


def at_step(number: int, happen: Callable[[], object], work: Callable[[], object], inside: Places = PACKAGE) -> bool:
    """Do `work`, and let `happen` come right before its step of this number; say whether it has so many steps."""
    left = number
    event_wanted = "opcode" if FULL else "line"

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if event == event_wanted:
            left -= 1
            if left == -1:
                happen()
        return local

    def calls(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(inside):
            return None
        frame.f_trace_opcodes = FULL
        return local

    sys.settrace(calls)
    try:
        work()
    finally:
        sys.settrace(None)
    return left < 0


def every_step(
    happen: Callable[[], object], work: Callable[[], object], step: int = 1, inside: Places = PACKAGE
) -> Iterator[int]:
    """Do `work` once for each of its steps, with `happen` right before that one; yield the step's number."""
    number = 0
    while at_step(number, happen, work, inside):
        yield number
        number += step
