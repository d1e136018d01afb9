"""Hypothesis strategies for JSON values, events, runs and their mutations, for the tests beside this file."""

import copy
from datetime import UTC, datetime, timedelta, timezone
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, is_typeddict

from hypothesis import strategies as st

from patternspan.model.details import DETAILS, CommonDetails, members_of
from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import EVENT_STATUSES, RUN_STATUSES
from patternspan.model.wire import NINE

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.integers(min_value=-(2**70), max_value=-(2**62)),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=6)

ulids = st.builds("".join, st.tuples(st.sampled_from("01234567"), st.text(DIGITS, min_size=25, max_size=25)))
event_ids = ulids.map("EVT-{}".format)
run_ids = ulids.map("PRUN-{}".format)
job_ids = ulids.map("JOB-{}".format)
step_ids = st.none() | ulids.map("STEP-{}".format) | st.from_regex("STEP-[0-9]{3,}", fullmatch=True)


def written(moment: datetime, separator: str, zulu: bool, digits: int) -> str:
    """Return a moment as RFC 3339, in one of the ways to write it."""
    text = moment.strftime("%Y-%m-%d").rjust(10, "0") + separator + moment.strftime("%H:%M:%S")
    if digits:
        text += f".{moment.microsecond:06d}000"[: digits + 1]
    if zulu and moment.utcoffset() == timedelta():
        return text + "Z"
    minutes = int(moment.utcoffset().total_seconds()) // 60
    return text + f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


zones = st.just(UTC) | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), timezones=zones)  # noqa: DTZ001
canonical = st.datetimes(datetime(2025, 11, 1), datetime(2025, 11, 3), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: written(moment, "T", zulu=True, digits=6)
)
timestamps = canonical | st.builds(written, moments, st.sampled_from("Tt "), st.booleans(), st.integers(0, 9))


def of_kind(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a member's type, as `details.py` writes it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = of_kind(arguments[0])
        return inner.map(abs) if any(meta.ge is not None for meta in arguments[1:]) else inner
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is UnionType:
        return st.one_of(map(of_kind, arguments))
    if origin is list:
        return st.lists(of_kind(arguments[0]), max_size=4)
    if origin is dict:
        return st.dictionaries(texts, values if arguments[1] is Any else of_kind(arguments[1]), max_size=4)
    if is_typeddict(kind):
        return shapes(kind)
    return {
        str: texts,
        bool: st.booleans(),
        int: st.integers() | st.integers(-100, 100).map(float),
        float: numbers,
        type(None): st.none(),
    }[kind]


def shapes(shape: type, *others: type) -> st.SearchStrategy[dict[str, Any]]:
    """Return valid details of a type; members of `others` and unknown ones may be there too."""
    members = members_of(shape)
    optional = {name: member for other in others for name, member in members_of(other).items()} | dict(members)
    known = st.fixed_dictionaries(
        {name: of_kind(member.kind) for name, member in members.items() if member.required},
        optional={
            name: of_kind(member.kind)
            for name, member in optional.items()
            if name not in members or not member.required
        },
    )
    unknown = st.dictionaries(texts.map("x-{}".format), values, max_size=2)
    return st.builds(lambda given, further: {**further, **given}, known, unknown)


details_by_type = {event_type: shapes(shape, CommonDetails) for event_type, shape in DETAILS.items()}
typed_details = st.sampled_from(list(DETAILS)).flatmap(
    lambda event_type: st.tuples(st.just(event_type), details_by_type[event_type])
)


@st.composite
def strict_events(draw: st.DrawFn) -> PatternEvent:
    """Return events that conform strictly."""
    event_type, details = draw(typed_details)
    members = {
        "event_id": draw(event_ids),
        "event_type": event_type,
        "timestamp": draw(timestamps),
        "job_id": draw(job_ids),
        "step_id": draw(step_ids),
        "pattern_run_id": draw(run_ids),
        "pattern_id": draw(texts.filter(bool)),
        "status": draw(st.sampled_from(EVENT_STATUSES)),
        "details": details,
    }
    traced = draw(st.booleans())
    if traced:
        members["trace_id"] = draw(st.text("0123456789abcdef", min_size=32, max_size=32))
        members["span_id"] = draw(st.text("0123456789abcdef", min_size=16, max_size=16))
    extra = draw(st.dictionaries(texts.map("x-{}".format), values, max_size=2))
    return PatternEvent(**members, extra=extra)


@st.composite
def any_events(draw: st.DrawFn) -> PatternEvent:
    """Return events of any text, details and further members that a line can hold."""
    members = {name: draw(texts) for name in NINE}
    members |= {"timestamp": draw(timestamps), "step_id": draw(st.none() | texts), "details": draw(objects)}
    extra = draw(
        st.dictionaries(texts.filter(lambda name: name not in {*NINE, "trace_id", "span_id"}), values, max_size=3)
    )
    for name in ("trace_id", "span_id"):
        value = draw(st.none() | texts | st.integers() | st.just(...))
        if isinstance(value, str):
            members[name] = value
        elif value is not ...:
            extra[name] = value
    return PatternEvent(**members, extra=extra)


strict_runs = st.fixed_dictionaries(
    {
        "pattern_run_id": run_ids,
        "pattern_id": texts.filter(bool),
        "job_id": job_ids,
        "step_id": step_ids,
        "pattern_version": st.none() | texts,
        "operation_kind": texts,
        "status": st.sampled_from(RUN_STATUSES),
        "started_at": st.none() | timestamps,
        "finished_at": st.none() | timestamps,
        "duration_seconds": st.none() | numbers.map(abs),
        "inputs": objects,
        "outputs": objects,
        "artifacts": st.lists(texts, max_size=3),
        "events": st.lists(event_ids, max_size=3),
        "metrics": st.dictionaries(texts, numbers, max_size=3),
        "tool_metadata": st.dictionaries(texts, texts, max_size=3),
        "error": st.none()
        | st.fixed_dictionaries({"type": texts, "message": texts, "exit_code": st.none() | st.integers()}),
    }
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every member and item inside a value: its container and its name or index."""
    found = []
    names = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for name in names:
        found += [(value, name), *_places(value[name])]
    return found


@st.composite
def mutations(draw: st.DrawFn, members: dict[str, Any]) -> Any:
    """Return a copy with a member, now and then up to three, deleted or replaced, at any depth."""
    mutated: Any = copy.deepcopy(members)
    for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 3]))):
        places = _places(mutated)
        if not places:
            return draw(values)
        container, name = draw(st.sampled_from(places))
        if draw(st.integers(0, 4)) == 0:
            del container[name]
        else:
            container[name] = draw(_replacements(container[name]))
    return mutated


def _replacements(value: Any) -> st.SearchStrategy[Any]:
    """Return values near to this one, and any others."""
    near = [[value], {"": value}, None, True, 0, -1, 5.0, -0.5, "", "pending", "STEP-003", "STEP-03"]
    if isinstance(value, str):
        shorter, digits = value[:-1], value.replace("1", "\u0661")
        near = [value + "\n", value + "0", shorter, value.lower(), "8" + value[1:], digits, *near]
    elif isinstance(value, (int, float)):
        near = [bool(value), -value, value + 0.5, str(value), *near]
    return st.sampled_from(near) | st.sampled_from(near) | values
