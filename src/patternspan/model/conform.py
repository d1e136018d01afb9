"""Judge anything at all against the contract: a list of problems, empty where there are none.

`strict` is what this package's own recorder writes. Lenient is what every reader takes: the nine members and
an object in `details`. Numbers are JSON Schema's: a boolean is none, and 5.0 is an integer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    get_args,
    get_origin,
    is_typeddict,
)

from patternspan.model.details import DETAILS, CommonDetails, members_of
from patternspan.model.fold import fold_in_order, in_order, is_terminal
from patternspan.model.ids import (
    EVENT_PREFIX,
    JOB_PREFIX,
    RUN_PREFIX,
    STEP_PREFIX,
    ULID,
    id_time_ms,
    instant,
    is_timestamp,
)
from patternspan.model.vocabulary import (
    EVENT_STATUSES,
    EVENT_TYPES,
    EXECUTION_STARTED,
    RUN_STATUSES,
    SELECTION_FAILED,
    VALIDATION_FAILED,
)

if TYPE_CHECKING:
    from patternspan.model.event import PatternEvent


class Problem(NamedTuple):
    """One place that breaks one rule."""

    path: str
    """Down to the place, such as `details.failed_checks[0].error`; empty for the whole."""
    rule: str
    """What is wanted there."""
    found: str
    """What is there instead, shortened."""

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        text = f"{place}{self.rule} is wanted, found {self.found}"
        return text.encode("utf-8", "backslashreplace").decode()


TERMINAL_EVENT: Final = "terminal event"
"""The rule that a run breaks while it is unfinished."""

_Judge = Callable[[str, Any], Iterator[Problem]]
"""Yields the problems of the value at a path."""


def judge_event(members: object, *, strict: bool = True) -> list[Problem]:
    """Return what keeps this from being an event, in the order of the members."""
    problems = list((_STRICT_EVENT if strict else _LENIENT_EVENT)("", members))
    if strict and isinstance(members, Mapping) and isinstance(members.get("details"), Mapping):
        event_type = members.get("event_type")
        if isinstance(event_type, str) and event_type in DETAILS:
            problems.extend(_details_judge(event_type)("details", members["details"]))
    return problems


def judge_run(members: object, *, strict: bool = True) -> list[Problem]:
    """Return what keeps this from being a run; lenient takes ids of any form."""
    return list((_STRICT_RUN if strict else _LENIENT_RUN)("", members))


def judge_lifecycle(events: Sequence[PatternEvent], known_patterns: Container[str] | None = None) -> list[Problem]:
    """Return what keeps these events of one run, in any order, from being a valid run.

    A run that has not ended has one problem whose rule is `TERMINAL_EVENT`, and may have others.
    """
    undated = [event for event in events if not is_timestamp(event.timestamp)]
    if undated:
        return [Problem(f"{event.event_id}.timestamp", _TIMESTAMP_RULE, _found(event.timestamp)) for event in undated]
    ordered = in_order(events)
    return [
        *_judge_start(ordered),
        *_judge_end(ordered),
        *_judge_times(ordered),
        *_judge_pattern(ordered, known_patterns),
    ]


def _judge_start(events: list[PatternEvent]) -> Iterator[Problem]:
    starts = sum(event.event_type == EXECUTION_STARTED for event in events)
    end = next((event for event in events if is_terminal(event)), None)
    if end is None or (end.status == "skipped" and end.event_type not in _BEFORE_EXECUTION):
        # Still to come, or left out while it was about to be executed: there may be one.
        if starts > 1:
            yield Problem("events", "at most one execution.started", str(starts))
    elif end.status == "skipped" or end.event_type in {SELECTION_FAILED, VALIDATION_FAILED}:
        if starts:
            yield Problem("events", "no execution.started in a run that ended before it", str(starts))
    elif starts != 1:
        yield Problem("events", "exactly one execution.started", str(starts) if starts else "none")


def _judge_end(events: list[PatternEvent]) -> Iterator[Problem]:
    ends = [event for event in events if is_terminal(event)]
    if len(ends) != 1:
        listed = ", ".join(f"{event.event_type} ({event.event_id})" for event in ends)
        rule = f"exactly one {TERMINAL_EVENT}" if ends else TERMINAL_EVENT
        yield Problem("events", rule, listed or "none")


def _judge_times(events: list[PatternEvent]) -> Iterator[Problem]:
    # Ids tell the order only where they are ULIDs of different milliseconds: within one, threads may take turns.
    dated = sorted(
        ((made, event) for event in events if (made := id_time_ms(event.event_id)) is not None),
        key=lambda pair: (pair[0], pair[1].event_id),
    )
    for (before, earlier), (after, later) in pairwise(dated):
        if before < after and instant(later.timestamp) < instant(earlier.timestamp):
            rule = f"a time not before that of {earlier.event_id}, {earlier.timestamp},"
            yield Problem(f"{later.event_id}.timestamp", rule, later.timestamp)


def _judge_pattern(events: list[PatternEvent], known: Container[str] | None) -> Iterator[Problem]:
    if known is None or not events:
        return
    pattern_id = fold_in_order(events).pattern_id
    if pattern_id not in known:
        yield Problem("pattern_id", "a pattern of the registry", _found(pattern_id))


def _found(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        shown = value if len(value) <= 60 else value[:57] + "..."
        return json.dumps(shown, ensure_ascii=False)
    if isinstance(value, int):
        return repr(value) if -(2**63) <= value < 2**64 else "an integer past 64 bits"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "an array"
    return "an object" if isinstance(value, Mapping) else f"a Python {type(value).__name__}"


def _is_string(value: object) -> bool:
    return isinstance(value, str)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return _is_number(value) and (not isinstance(value, float) or value.is_integer())


def _leaf(rule: str, test: Callable[[Any], bool]) -> _Judge:
    def judge(path: str, value: Any) -> Iterator[Problem]:
        if not test(value):
            yield Problem(path, rule, _found(value))

    return judge


def _form(rule: str, pattern: str) -> _Judge:
    match = re.compile(pattern).fullmatch
    return _leaf(rule, lambda value: isinstance(value, str) and match(value) is not None)


def _one_of(words: Sequence[str]) -> _Judge:
    return _leaf(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def _or_null(judge: _Judge) -> _Judge:
    def judge_value(path: str, value: Any) -> Iterator[Problem]:
        if value is not None:
            for problem in judge(path, value):
                yield problem if problem.path != path else problem._replace(rule=f"{problem.rule} or null")

    return judge_value


def _array(item: _Judge) -> _Judge:
    def judge(path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, (list, tuple)):
            yield Problem(path, "an array", _found(value))
            return
        for index, member in enumerate(value):
            yield from item(f"{path}[{index}]", member)

    return judge


def _object(
    members: Mapping[str, _Judge] = {},
    optional: Mapping[str, _Judge] = {},
    others: _Judge | None = None,
) -> _Judge:
    """Judge an object: members that must be there, members that may, and all that have no name here."""

    def judge(path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(path, "an object", _found(value))
            return
        prefix = f"{path}." if path else ""
        for name, judge_member in members.items():
            if name in value:
                yield from judge_member(prefix + name, value[name])
            else:
                # The rule is known by what breaks every rule.
                yield next(judge_member(prefix + name, _NOTHING))._replace(found="nothing")
        for name, member in value.items():
            if not isinstance(name, str):
                yield Problem(path, "an object with strings as names", f"the name {_found(name)}")
            elif name in optional:
                yield from optional[name](prefix + name, member)
            elif others is not None and name not in members:
                yield from others(prefix + name, member)

    return judge


_NOTHING: Final = object()

_STRING: Final = _leaf("a string", _is_string)
_TEXT: Final = _leaf("a string that is not empty", _is_text)
_NUMBER: Final = _leaf("a number", _is_number)
_INTEGER: Final = _leaf("an integer", _is_integer)
_BOOLEAN: Final = _leaf("true or false", lambda value: isinstance(value, bool))
_AT_LEAST: Final[dict[Any, _Judge]] = {
    float: _leaf("a number of 0 or more", lambda value: _is_number(value) and value >= 0),
    int: _leaf("an integer of 0 or more", lambda value: _is_integer(value) and value >= 0),
}
_BY_TYPE: Final[dict[Any, _Judge]] = {str: _STRING, bool: _BOOLEAN, int: _INTEGER, float: _NUMBER}


def _judge_of(kind: Any) -> _Judge:
    """Return the judge of a member's type, as `details.py` writes it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounded = any(meta.ge is not None for meta in arguments[1:])
        return _AT_LEAST[arguments[0]] if bounded else _judge_of(arguments[0])
    if origin is Literal:
        return _one_of(arguments)
    if origin is UnionType:
        return _or_null(_judge_of(arguments[0]))
    if origin is list:
        return _array(_judge_of(arguments[0]))
    if origin is dict:
        return _object(others=None if arguments[1] is Any else _judge_of(arguments[1]))
    return _shape_judge(kind) if is_typeddict(kind) else _BY_TYPE[kind]


def _shape_judge(shape: type, common: Mapping[str, _Judge] = {}) -> _Judge:
    required: dict[str, _Judge] = {}
    optional = dict(common)
    for name, member in members_of(shape).items():
        (required if member.required else optional)[name] = _judge_of(member.kind)
    return _object(required, {name: judge for name, judge in optional.items() if name not in required})


@cache
def _details_judge(event_type: str) -> _Judge:
    common = {name: _judge_of(member.kind) for name, member in members_of(CommonDetails).items()}
    return _shape_judge({**DETAILS}[event_type], common)  # type: ignore[index]


_TIMESTAMP_RULE: Final = "an RFC 3339 timestamp with a zone"
_TIMESTAMP: Final = _leaf(_TIMESTAMP_RULE, lambda value: isinstance(value, str) and is_timestamp(value))
_EVENT_ID: Final = _form(f"{EVENT_PREFIX} and a ULID", EVENT_PREFIX + ULID)
_RUN_ID: Final = _form(f"{RUN_PREFIX} and a ULID", RUN_PREFIX + ULID)
_JOB_ID: Final = _form(f"{JOB_PREFIX} and a ULID", JOB_PREFIX + ULID)
_STEP_ID: Final = _or_null(
    _form(f"{STEP_PREFIX} and a ULID or three digits and more", f"{STEP_PREFIX}(?:{ULID}|[0-9]{{3,}})")
)
_TRACE_MEMBERS: Final = {
    "trace_id": _form("32 lower-case hexadecimal digits", "[0-9a-f]{32}"),
    "span_id": _form("16 lower-case hexadecimal digits", "[0-9a-f]{16}"),
}


def _event(event_id: _Judge, job_id: _Judge, step_id: _Judge, run_id: _Judge) -> _Judge:
    members = {
        "event_id": event_id,
        "event_type": _one_of(EVENT_TYPES),
        "timestamp": _TIMESTAMP,
        "job_id": job_id,
        "step_id": step_id,
        "pattern_run_id": run_id,
        "pattern_id": _TEXT,
        "status": _one_of(EVENT_STATUSES),
        "details": _object(),
    }
    return _object(members, _TRACE_MEMBERS)


def _run(event_id: _Judge, job_id: _Judge, step_id: _Judge, run_id: _Judge) -> _Judge:
    error = _object({"type": _STRING, "message": _STRING, "exit_code": _or_null(_INTEGER)})
    members = {
        "pattern_run_id": run_id,
        "pattern_id": _TEXT,
        "job_id": job_id,
        "step_id": step_id,
        "pattern_version": _or_null(_STRING),
        "operation_kind": _STRING,
        "status": _one_of(RUN_STATUSES),
        "started_at": _or_null(_TIMESTAMP),
        "finished_at": _or_null(_TIMESTAMP),
        "duration_seconds": _or_null(_AT_LEAST[float]),
        "inputs": _object(),
        "outputs": _object(),
        "artifacts": _array(_STRING),
        "events": _array(event_id),
        "metrics": _object(others=_NUMBER),
        "tool_metadata": _object(others=_STRING),
        "error": _or_null(error),
    }
    return _object(members)


_BEFORE_EXECUTION: Final = frozenset(EVENT_TYPES[: EVENT_TYPES.index(EXECUTION_STARTED)])
_STRICT_EVENT: Final = _event(_EVENT_ID, _JOB_ID, _STEP_ID, _RUN_ID)
_LENIENT_EVENT: Final = _event(_TEXT, _TEXT, _or_null(_STRING), _TEXT)
_STRICT_RUN: Final = _run(_EVENT_ID, _JOB_ID, _STEP_ID, _RUN_ID)
_LENIENT_RUN: Final = _run(_TEXT, _TEXT, _or_null(_STRING), _TEXT)
