"""An event's members <-> the attributes of a span event, without loss.

Scalars and plain lists of one type go under `pattern.details.<key>`, where a trace viewer can search them. All
that an attribute cannot hold exactly (objects, null, mixed lists, numbers past 64 bits) goes together into one
JSON string, `pattern.event.details`. Members that the span does not give back by itself, such as a timestamp in
another zone, go into the JSON string `pattern.event.members`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from patternspan.errors import LineError
from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import (
    DETAILS_PREFIX,
    EVENT_DETAILS,
    EVENT_ID,
    EVENT_MEMBERS,
    EVENT_STATUS,
    JOB_ID,
    PATTERN_ID,
    RUN_ID,
    SELECTION_STARTED,
    STEP_ID,
)
from patternspan.model.wire import decode_object, encode_value

AttributeValue = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]

_MOST_ATTRIBUTES: Final = 100
"""The SDK keeps 128 attributes of a span event by default; details with more members travel as JSON."""

_keys: Final[dict[str, str]] = {}
"""Attribute keys by member name, so that the common ones are built once; bounded by `_MOST_KEYS`."""
_MOST_KEYS: Final = 1000


def details_to_attributes(event_id: str, status: str, details: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the attributes of one event's span event."""
    attributes: dict[str, AttributeValue] = {EVENT_ID: event_id, EVENT_STATUS: status}
    if len(details) > _MOST_ATTRIBUTES:
        attributes[EVENT_DETAILS] = encode_value(details).decode()
        return attributes
    deep: dict[str, Any] | None = None
    for name, value in details.items():
        kind = type(value)
        exact = kind is str or kind is bool or (kind is int and -(2**63) <= value < 2**63)
        if exact or (kind is float and value - value == 0) or (kind is list and _is_plain(value)):
            attributes[_keys.get(name) or _key(name)] = value
        else:
            if deep is None:
                deep = {}
            deep[name] = value
    if deep is not None:
        attributes[EVENT_DETAILS] = encode_value(deep).decode()
    return attributes


def event_attributes(event: PatternEvent) -> dict[str, AttributeValue]:
    """Return the attributes of an event on its own run's span, which gives back all its other members."""
    attributes = details_to_attributes(event.event_id, event.status, event.details)
    if event.event_type == SELECTION_STARTED:
        attributes[PATTERN_ID] = event.pattern_id  # the span bears the pattern that was chosen later
    if event.trace_id is UNSET:
        attributes[EVENT_MEMBERS] = _UNCORRELATED
    return attributes


def log_attributes(event: PatternEvent) -> dict[str, AttributeValue]:
    """Return the attributes of an event as a log event, which bears the ids that a span event has from its span."""
    attributes = event_attributes(event)
    attributes |= {PATTERN_ID: event.pattern_id, RUN_ID: event.pattern_run_id, JOB_ID: event.job_id}
    if event.step_id is not None:
        attributes[STEP_ID] = event.step_id
    return attributes


def _key(name: str) -> str:
    key = DETAILS_PREFIX + name
    if len(_keys) < _MOST_KEYS:
        _keys[name] = key
    return key


def _is_plain(values: list[Any]) -> bool:
    if not values:
        return True
    kind = type(values[0])
    if kind is str:
        return all(type(value) is str for value in values)
    if kind is int:
        return all(type(value) is int and -(2**63) <= value < 2**63 for value in values)
    if kind is float:
        return all(type(value) is float and value - value == 0 for value in values)
    return kind is bool and all(type(value) is bool for value in values)


def details_from_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details that `details_to_attributes` was given. Raises LineError where its JSON is broken."""
    details: dict[str, Any] = {}
    for key, value in attributes.items():
        if key.startswith(DETAILS_PREFIX):
            details[key[len(DETAILS_PREFIX) :]] = list(value) if isinstance(value, (tuple, list)) else value
    deep = attributes.get(EVENT_DETAILS)
    if isinstance(deep, str):
        details.update(_decoded(deep))
    return details


def members_beside(event: PatternEvent, given: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the attribute for members that differ from what the span and its event would give back.

    `given` are the members that a reader of the span would assume. Empty where they are the event's own.
    """
    members = event.to_dict()
    beside = {name: value for name, value in members.items() if name != "details" and given.get(name, _NONE) != value}
    missing = {name: None for name in given if name not in members}
    if not beside and not missing:
        return {}
    return {EVENT_MEMBERS: encode_value({"set": beside, "unset": list(missing)}).decode()}


def members_from_attributes(attributes: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an event: what the span gives, corrected by what `members_beside` wrote.

    Raises LineError where its JSON is broken.
    """
    members = dict(given)
    if PATTERN_ID in attributes:
        members["pattern_id"] = attributes[PATTERN_ID]
    text = attributes.get(EVENT_MEMBERS)
    if isinstance(text, str):
        beside = _decoded(text)
        changed, unset = beside.get("set", {}), beside.get("unset", [])
        if not isinstance(changed, dict) or not isinstance(unset, list):
            raise LineError(f"{EVENT_MEMBERS}: an object in `set` and an array in `unset` are wanted")
        members = {name: value for name, value in members.items() if name not in unset}
        members.update(changed)
    return members


def _decoded(text: str) -> dict[str, Any]:
    # A lone surrogate has no UTF-8; passed on, it is refused as any other broken byte.
    return decode_object(text.encode("utf-8", "surrogatepass"))


_NONE: Final = object()
_UNCORRELATED: Final = encode_value({"set": {}, "unset": ["trace_id", "span_id"]}).decode()
