"""The screen of one run: why it failed, where its time went, what went in and what came out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from patternspan.aggregate.plain import age, counted, duration, scalar, shorten, visible, width
from patternspan.aggregate.runs import ABANDONED, RUNNING, RunRow
from patternspan.aggregate.timeline import command_text, local_time
from patternspan.aggregate.waterfall import Phase, Waterfall, cells
from patternspan.files import regular
from patternspan.layout import tool_log
from patternspan.model.fold import end_of, is_synthetic
from patternspan.model.process import process_of
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from patternspan.model.event import PatternEvent
    from patternspan.model.run import PatternRun

Paint = Callable[[str, str], str]

_MARKS: Final = {"success": "✓", "failed": "✗", "warning": "!", "skipped": "-", RUNNING: "▸", ABANDONED: "?"}
_LABEL: Final = 12
_TAIL_LINES: Final = 10
_TAIL_BYTES: Final = 16 * 1024
_MOST_LISTED: Final = 20


class RunView(msgspec.Struct, frozen=True):
    """All that the screen of a run shows."""

    run: PatternRun
    row: RunRow
    events: Sequence[PatternEvent]
    fall: Waterfall
    problems: Sequence[str]
    root: str
    now_ns: int
    why: str = ""
    """Why the run cannot end any more, where it is abandoned."""


def view_lines(view: RunView, paint: Paint, columns: int) -> Iterator[str]:
    """Yield the lines of the screen, `columns` wide."""
    yield _headline(view, paint)
    parts = (
        _error(view, paint, columns),
        _facts(view, paint),
        _bars(view.fall, paint, columns),
        _members("inputs", view.run.inputs, paint, columns),
        _members("outputs", view.run.outputs, paint, columns),
        _list("artifacts", view.run.artifacts, paint),
        _logs(view, paint),
        _list("problems", view.problems, paint, "warning"),
    )
    for part in parts:
        lines = list(part)
        if lines:
            yield ""
            yield from lines


def _headline(view: RunView, paint: Paint) -> str:
    row = view.row
    day, clock = local_time(row.started_ns)
    mark = paint(f"{_MARKS.get(row.status, '·')} {visible(row.status)}", row.status)
    last = view.events[-1].time_ns if view.events else row.started_ns
    words = [visible(row.operation_kind), f"{day} {clock}", duration(row.seconds)]
    if row.status in {RUNNING, ABANDONED}:
        words[-1] = f"started {age((view.now_ns - row.started_ns) / 1e9)}"
        words.append(f"last event {age((view.now_ns - last) / 1e9)}")
    return f"{mark}  {paint(visible(row.pattern_id), 'strong')}  {paint(' · '.join(words), 'dim')}"


def _error(view: RunView, paint: Paint, columns: int) -> Iterator[str]:
    """Yield why the run failed: the error, then the end of what its tool wrote, to stderr if it wrote there."""
    error = view.run.error
    if view.why:
        yield f"  {paint(visible(view.why), ABANDONED)}"
        yield paint("  patternspan recover ends it", "dim")
    if error is None:
        if view.row.status in {"skipped", "warning"} and view.row.note:
            yield f"  {paint(view.row.note, view.row.status)}"
        return
    kind, message = visible(scalar(error.get("type")) or "error"), scalar(error.get("message")) or ""
    first, *rest = message.strip().splitlines() or [""]
    yield f"  {paint(kind + (': ' if first else ''), 'failed')}{visible(first)}"
    yield from (f"    {visible(line)}" for line in rest[:_MOST_LISTED])
    if len(rest) > _MOST_LISTED:
        yield paint(f"    … {counted(len(rest) - _MOST_LISTED, 'more line')}", "dim")
    end = end_of(view.events)
    if end is not None and is_synthetic(end):
        yield paint("  synthetic: another process wrote this end", "dim")
    told = f"exit code {error.get('exit_code')}"
    if error.get("exit_code") is not None and told not in message:
        yield f"  {told}"
    for stream in ("stderr", "stdout"):
        tail = _last_output(view, stream)
        if tail:
            yield paint(f"  last lines of {stream}", "dim")
            room = max(20, columns - 4)
            yield from (f"  {paint('│', 'dim')} {shorten(visible(line), room)}" for line in tail)
            break


def _last_output(view: RunView, stream: str) -> list[str]:
    """Return the last lines that the tool wrote: of its log, else of the preview in the last event."""
    text = _tail(tool_log(view.root, view.run.pattern_run_id, stream))
    if text is None and view.events:
        preview = view.events[-1].details.get(f"{stream}_preview")
        text = preview if isinstance(preview, str) else ""
    return [line.rstrip() for line in (text or "").splitlines() if line.strip()][-_TAIL_LINES:]


def _tail(path: str) -> str | None:
    try:
        with open(path, "rb", opener=regular) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return None


def _facts(view: RunView, paint: Paint) -> Iterator[str]:
    run = view.run
    tool = dict(run.tool_metadata)
    command = next((command_text(event.details.get("command")) for event in view.events
                    if "command" in event.details), "") or tool.get("command", "")  # fmt: skip
    named = " ".join(filter(None, (tool.get("tool_name"), tool.get("tool_version"))))
    facts = (
        ("run", run.pattern_run_id),
        ("job", run.job_id),
        ("step", run.step_id),
        ("process", process_of(view.events)),
        ("version", run.pattern_version),
        ("tool", " · ".join(filter(None, (named, tool.get("executor"))))),
        ("command", command),
        ("trace", next((event.trace_id for event in view.events if isinstance(event.trace_id, str)), None)),
    )
    for name, value in facts:
        if value:
            yield f"  {paint(name.ljust(_LABEL), 'dim')}{visible(str(value))}"


def _bars(fall: Waterfall, paint: Paint, columns: int) -> Iterator[str]:
    times = [duration((phase.end_ns - phase.start_ns) / 1e9) for phase in fall.phases]
    longest = max(map(len, times), default=0)
    room = max(10, min(60, columns - _LABEL - longest - 6))
    for phase, time in zip(fall.phases, times, strict=True):
        name = visible(phase.name)[:_LABEL].ljust(_LABEL)
        yield f"  {paint(name, 'dim')}{_bar(phase, fall, paint, room)}  {time.rjust(longest)}"


def _bar(phase: Phase, fall: Waterfall, paint: Paint, room: int) -> str:
    start, length = cells(phase, fall.total_ns, room)
    body = "█" * length if phase.ended else "█" * (length - 1) + "▒"
    # A phase that went well is in_progress as far as its run goes: that is what its event says.
    style = "success" if phase.ended and phase.status == "in_progress" else phase.status
    return paint("·" * start, "dim") + paint(body, style) + paint("·" * (room - start - length), "dim")


def _members(title: str, members: Mapping[str, Any], paint: Paint, columns: int) -> Iterator[str]:
    if not members:
        return
    yield paint(f"  {title}", "strong")
    names = [visible(name) for name in members]
    column = min(24, max(map(width, names)))
    for name, value in zip(names, members.values(), strict=True):
        text = scalar(value)
        text = visible(encode_value(value).decode() if text is None else text)
        space = " " * max(0, column - width(name))
        yield f"    {name}{space}  {shorten(text, max(20, columns - column - 6))}"


def _list(title: str, items: Iterable[str], paint: Paint, style: str = "") -> Iterator[str]:
    listed = [visible(item) for item in items]
    if listed:
        yield paint(f"  {title}", "strong")
    yield from (f"    {paint(item, style)}" for item in listed[:_MOST_LISTED])
    if len(listed) > _MOST_LISTED:
        yield paint(f"    … {len(listed) - _MOST_LISTED} more: --json shows all", "dim")


def _logs(view: RunView, paint: Paint) -> Iterator[str]:
    paths = [tool_log(view.root, view.run.pattern_run_id, stream) for stream in ("stdout", "stderr")]
    found = [(path, _size(path)) for path in paths if os.path.isfile(path)]
    if found:
        yield paint("  logs", "strong")
    yield from (f"    {visible(path)}  {paint(size, 'dim')}" for path, size in found)


def _size(path: str) -> str:
    try:
        return f"{os.path.getsize(path):,} bytes"
    except OSError:
        return ""
