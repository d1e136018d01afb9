"""`patternspan exec -- TOOL ARGS`: any tool as a pattern run, its output and exit code untouched."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from shutil import which
from typing import TYPE_CHECKING, Final, NoReturn

import click

from patternspan.aggregate.plain import duration
from patternspan.cli.options import shared
from patternspan.cli.recording import flush_stdout, record_here, root_option
from patternspan.cli.screen import is_terminal, note
from patternspan.record.decorator import pattern_span
from patternspan.record.phases import command_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from patternspan.record.run import Run

TIMED_OUT: Final = 124
NOT_STARTED: Final = 126
NOT_THERE: Final = 127
SIGNALLED: Final = 128


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end; the tool is ended first."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


def _seconds(_ctx: click.Context, _param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is no number of seconds above 0")
    return value


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--pattern-id", metavar="ID", help="Id of the pattern.  [default: the tool's name]")
@click.option("--operation-kind", metavar="KIND", help="What the tool is run for, such as security_scan.")
@click.option("--job-id", metavar="ID", help="Job that the run belongs to.  [default: a new one]")
@click.option("--step-id", metavar="ID", help="Step that the run belongs to.")
@click.option("--timeout", type=float, callback=_seconds, metavar="SECONDS", help="End the tool after this time.")
@click.option("--verbose", "-v", is_flag=True, help="Say the run's id at the end, not on a terminal alone.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- TOOL [ARGS]...")
@shared()
def exec_command(
    command: tuple[str, ...],
    pattern_id: str | None,
    operation_kind: str | None,
    job_id: str | None,
    step_id: str | None,
    timeout: float | None,
    verbose: bool,
) -> None:
    """Run a tool as a pattern run.

    What the tool writes is passed on while it runs, and its exit code is that of this command: 126 where it cannot
    be started, 127 where it is not found, 124 when its time is over, 128 and the number of the signal that ended it.
    """
    record_here(job_id=job_id, step_id=step_id)
    with _ended_by_signals():
        try:
            name = os.path.basename(command[0]) or "exec"
            with pattern_span(pattern_id or name, operation_kind=operation_kind, phases=True) as run:
                code = _execute(run, command, timeout)
        except (subprocess.TimeoutExpired, OSError, KeyboardInterrupt) as error:
            code = _code_of(error, command[0])
    flush_stdout()
    if run and (verbose or is_terminal(sys.stderr)):
        note(f"exit code {code}: patternspan run {run.run_id}{root_option()}")
    click.get_current_context().exit(code)


def _execute(run: Run, command: Sequence[str], timeout: float | None) -> int:
    """Record the phases around the tool, run it, and return its exit code in a shell's words."""
    tool = command[0]
    run.select(inputs={"command": command_text(command), "working_dir": os.getcwd()})
    with run.validating(checks=["tool is found", "tool can be executed"]) as validation:
        found = which(tool)
        there = found is not None or (os.sep in tool and os.path.exists(tool))
        validation.check("tool is found", there, f"{tool}: not found on PATH")
        if there:
            validation.check("tool can be executed", found, f"{tool}: no executable file")
    if found is None:
        note(f"patternspan exec: {tool}: {'no executable file' if there else 'not found'}")
        return NOT_STARTED if there else NOT_THERE
    code = run.command(command, timeout=timeout, stdin=_stdin(), echo=True).exit_code
    return code if code >= 0 else SIGNALLED - code


def _stdin() -> int | None:
    """Return the descriptor of standard input; None, which is an empty one, where there is none."""
    try:
        return sys.stdin.fileno()
    except (AttributeError, ValueError, OSError):
        return None


def _code_of(error: BaseException, tool: str) -> int:
    """Return the exit code for what kept the tool from ending by itself, and say what it was."""
    if isinstance(error, subprocess.TimeoutExpired):
        note(f"patternspan exec: {tool}: ended after {duration(error.timeout)}")
        return TIMED_OUT
    if isinstance(error, OSError):
        note(f"patternspan exec: {tool}: cannot be started: {(error.strerror or str(error)).lower()}")
        return NOT_STARTED
    return SIGNALLED + (error.number if isinstance(error, Terminated) else signal.SIGINT)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the tool and close its run, as Ctrl-C does."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
