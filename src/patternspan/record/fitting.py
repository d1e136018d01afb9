"""Details that make a line too long, cut further until it is not: the ids and what the contract demands stay."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from patternspan.model.event import PatternEvent
from patternspan.model.wire import encode, encode_value
from patternspan.record.capture import bounded, count_truncated

_LIMITS: Final = (1024, 128)
"""Longest texts in details, tried in turn."""
_SMALL: Final = 200
"""Bytes of a member that is never worth cutting."""


def fitted(event: PatternEvent, most_bytes: int) -> PatternEvent:
    """Return the event with details that keep its line within `most_bytes`; where ids alone are longer, the shortest.

    The member `…` of the details says how long they were, and what their SHA-256 as JSON was.
    """
    count_truncated()
    data = encode_value(event.details)
    mark = f"[cut: {len(data)} bytes, sha256:{sha256(data).hexdigest()}]"
    for limit in _LIMITS:
        cut: dict[str, Any] = {**bounded(event.details, limit), "…": mark}
        event = replace(event, details=cut)
        if len(encode(event)) < most_bytes:
            return event
    members = dict(event.details)
    for name in sorted(members, key=lambda name: -len(encode_value(members[name]))):
        size = len(encode_value(members[name]))
        if size <= _SMALL or len(encode(replace(event, details=members))) < most_bytes:
            break
        members[name] = _emptied(members[name], f"[cut: {size} bytes]")
    return replace(event, details=members)


def _emptied(value: Any, mark: str) -> Any:
    """Return the mark in the form that the value had."""
    if isinstance(value, dict):
        return {"…": mark}
    return [mark] if isinstance(value, list) else mark
