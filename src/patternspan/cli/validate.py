"""`patternspan validate`: each line that breaks the contract, with the place and the rule."""

from __future__ import annotations

import os
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import click

from patternspan.aggregate.plain import counted, visible
from patternspan.cli.group import INVALID, NOT_FOUND, GuardedCommand
from patternspan.cli.options import settings, shared
from patternspan.cli.screen import Screen, is_terminal, note
from patternspan.errors import LineError
from patternspan.log.locate import given
from patternspan.log.reader import STDIN, BadLine, before_damage, unpacked
from patternspan.log.scan import Source, scan
from patternspan.log.segments import opened
from patternspan.model.packing import Unpacked
from patternspan.model.wire import MAX_LINE_BYTES, decode_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Line = tuple[int, bytes | None]
_MARK: Final = b"\xef\xbb\xbf"

_files = click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
_lenient = click.option(
    "--lenient", is_flag=True, help="Ids of any form, and details of any members, as every reader takes them."
)


@click.command(cls=GuardedCommand)
@_files
@_lenient
@click.option(
    "--kind", type=click.Choice(["event", "run", "auto"]), default="auto", show_default=True,
    help="What the objects are; auto looks at each.",
)  # fmt: skip
@shared()
def validate(files: tuple[str, ...], lenient: bool, kind: str) -> None:
    """Check events and runs against the contract: FILES, or standard input.

    A file holds JSON lines, or one object on several lines. Exits with 4 when something is not valid.
    """
    _validate(files, lenient, kind)


@click.command("validate-pattern-event", cls=GuardedCommand)
@_files
@_lenient
@shared()
def validate_pattern_event(files: tuple[str, ...], lenient: bool) -> None:
    """Check events, as `validate --kind event` does."""
    _validate(files, lenient, "event")


@click.command("validate-pattern-run", cls=GuardedCommand)
@_files
@_lenient
@shared()
def validate_pattern_run(files: tuple[str, ...], lenient: bool) -> None:
    """Check runs, as `validate --kind run` does."""
    _validate(files, lenient, "run")


class Tally:
    """What was looked at."""

    def __init__(self) -> None:
        self.objects = 0
        self.invalid = 0
        self.problems = 0
        self.unread = 0

    def __str__(self) -> str:
        if not self.invalid:
            return f"{counted(self.objects, 'object')}, all valid"
        return (
            f"{counted(self.objects, 'object')}, {self.invalid:,} of them not valid:"
            f" {counted(self.problems, 'problem')}"
        )


def _validate(files: Sequence[str], lenient: bool, kind: str) -> None:
    import sys

    paths = given(files) or [STDIN]
    if not files and is_terminal(sys.stdin):
        note("reading standard input; end it with Ctrl-D")
    tally = Tally()
    with Screen(settings().color) as screen:
        for path in paths:
            for line in _judge_file(path, not lenient, kind, tally):
                screen.line(visible(line))
    if tally.objects or not tally.unread:
        note(str(tally) if tally.objects else "nothing to validate")
    if tally.invalid or not (tally.objects or tally.unread):
        click.get_current_context().exit(INVALID)
    if tally.unread:
        click.get_current_context().exit(NOT_FOUND)


def _judge_file(path: str, strict: bool, kind: str, tally: Tally) -> Iterator[str]:
    """Yield a line for each problem in a file."""
    part = opened(path)
    if part is None:
        return  # renamed or removed since the folder was listed
    source = part.file if isinstance(part.file, BadLine) else unpacked(part.file, part.path) or part.file
    name = "stdin" if path == STDIN else part.path
    try:
        if isinstance(source, BadLine):
            raise OSError(source.reason)
        number = 0
        for number, data in objects(source):
            tally.objects += 1
            problems = _judge(data, strict, kind)
            tally.invalid += bool(problems)
            tally.problems += len(problems)
            yield from (f"{name}:{number}: {problem}" for problem in problems)
        if isinstance(source, Unpacked) and source.error:
            tally.invalid, tally.problems = tally.invalid + 1, tally.problems + 1
            yield f"{name}:{number + 1}: not readable from here on: {source.error}"
    except OSError as error:
        tally.unread += 1
        note(f"{name}: {error.strerror or error}")
    finally:
        if isinstance(part.file, int):
            os.close(part.file)


def _judge(data: bytes | None, strict: bool, kind: str) -> list[str]:
    from patternspan.model.conform import judge_event, judge_run

    if data is None:
        return [f"longer than {MAX_LINE_BYTES:,} bytes: not read"]
    try:
        members = decode_object(data)
    except LineError as error:
        return [str(error)]
    judge = judge_run if kind == "run" or (kind == "auto" and _looks_like_run(members)) else judge_event
    return [str(problem) for problem in judge(members, strict=strict)]


def _looks_like_run(members: dict[str, Any]) -> bool:
    return not {"event_id", "event_type", "details"} & members.keys() and "pattern_run_id" in members


def objects(source: Source) -> Iterator[Line]:
    """Yield the number and the text of each object: one a line, or one for the whole file."""
    lines = _lines(source)
    first = next(lines, None)
    if first is None:
        return
    if first[1] is None or _is_object(first[1]):
        yield first
        yield from lines
        return
    held, room = [first], MAX_LINE_BYTES
    for line in lines:
        held.append(line)
        room -= len(line[1] or b"")
        if line[1] is None or room < 0:
            break
    text = b"\n".join(line[1] or b"" for line in held)
    if len(held) > 1 and room >= 0 and _is_object(text):
        yield first[0], text
    else:
        yield from chain(held, lines)


def _lines(source: Source) -> Iterator[Line]:
    found = scan(source, None)
    if isinstance(source, Unpacked):
        found = before_damage(found, source)
    for number, (offset, data) in enumerate(found, 1):
        text = data.removeprefix(_MARK) if data is not None and offset == 0 else data
        if text is None or text.strip():
            yield number, text


def _is_object(text: bytes) -> bool:
    try:
        decode_object(text)
    except LineError:
        return False
    return True
