"""Event <-> canonical JSON line. What a line holds survives the way in and out, unknown members too."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from patternspan.errors import LineError
from patternspan.model.event import PatternEvent
from patternspan.model.ids import is_timestamp

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""A longer line is not read into memory; readers report it."""

MAX_DEPTH: Final = 500
"""Arrays and objects inside one another, at most: more is refused, whatever the stack of the reader would bear."""

_TOO_DEEP: Final = "not read: nested too deeply"

NINE: Final = (
    "event_id",
    "event_type",
    "timestamp",
    "job_id",
    "step_id",
    "pattern_run_id",
    "pattern_id",
    "status",
    "details",
)
"""The members of every line, in order."""


def _plain(value: Any) -> Any:
    """Return what JSON can hold for a value that it cannot."""
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return str(value)


_encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode
_decode_event: Final = msgspec.json.Decoder(PatternEvent).decode
_decode_any: Final = msgspec.json.Decoder().decode


encode_known: Final = _encode
"""`encode_value`, and `encode` for an event without unknown members, at the price of one call less."""


def encode(event: PatternEvent) -> bytes:
    """Return the JSON line of an event, without its newline. Raises what `encode_value` raises."""
    if event.extra:
        return _encode(event.to_dict())
    return _encode(event)


def encode_value(value: Any) -> bytes:
    """Return any value as JSON, as the line writes it.

    What JSON does not know is written as its text (`str(value)`); NaN and infinity are written as null.
    Raises TypeError, ValueError or RecursionError where a value has no text or no end.
    """
    return _encode(value)


def decode(line: bytes) -> PatternEvent:
    """Return the event of one line; the newline may be there or not.

    Raises LineError that says what is wrong. A member of an unknown name is kept in `extra`, a missing
    `step_id` is read as null, and an event type or status of a later version is taken as it stands.
    """
    try:
        event = _decode_event(line)
        if event.extra:
            event = _decode_slowly(line)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = _decode_slowly(line)
    if _may_be_deep(line) and (_is_deep(event.details) or _is_deep(event.extra)):
        raise LineError(_TOO_DEEP)
    if not is_timestamp(event.timestamp):
        raise LineError(f"timestamp: not RFC 3339 with a zone: {_short(event.timestamp)}")
    return event


def _decode_slowly(line: bytes) -> PatternEvent:
    members = decode_object(line)
    missing = [name for name in NINE if name not in members and name != "step_id"]
    if missing:
        raise LineError(f"missing {', '.join(missing)}")
    for name in NINE:
        value = members.get(name)
        if name == "details":
            if not isinstance(value, dict):
                raise LineError(f"details: an object is wanted, found {kind_of(value)}")
        elif not isinstance(value, str) and not (name == "step_id" and value is None):
            raise LineError(f"{name}: a string is wanted, found {kind_of(value)}")
    known: dict[str, Any] = {name: members.get(name) for name in NINE}
    for name in ("trace_id", "span_id"):
        if isinstance(members.get(name), str):
            known[name] = members[name]
    extra = {name: value for name, value in members.items() if name not in known}
    return PatternEvent(**known, extra=extra)


def decode_object(text: bytes) -> dict[str, Any]:
    """Return the object in one JSON text. Raises LineError that says what is wrong."""
    if not text.strip():
        raise LineError("empty line")
    if b"\x00" in text:
        raise LineError("not JSON: it holds NUL bytes")
    try:
        value = _decode_any(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineError(_explain(text, str(error))) from None
    except RecursionError:
        raise LineError(_TOO_DEEP) from None
    if _may_be_deep(text) and _is_deep(value):
        raise LineError(_TOO_DEEP)
    if not isinstance(value, dict):
        raise LineError(f"an object is wanted, found {kind_of(value)}")
    return value


def _may_be_deep(text: bytes) -> bool:
    """Say whether there are brackets enough: few lines have, and only those are looked through."""
    return len(text) > 2 * MAX_DEPTH and text.count(b"[") + text.count(b"{") > MAX_DEPTH


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if outer.__class__ is dict else outer)
            if inner.__class__ is dict or inner.__class__ is list
        ]
        if not level:
            return False
    return True


def _explain(text: bytes, reason: str) -> str:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte {error.start + 1}"
    if "truncated" in reason:
        return "not JSON: the line is cut off"
    return f"not JSON: {reason.removeprefix('JSON is malformed: ')}"


def kind_of(value: Any) -> str:
    """Return JSON's word for the type of a decoded value."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return kinds.get(type(value), "an object")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
