"""Redaction of what is no details: ids, attributes of spans and resources, baggage, whole events of other code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from patternspan.model.event import PatternEvent
from patternspan.record.redact import as_text, redact, redact_details, redact_text, text_spans
from patternspan.record.redact_rules import count, in_force

_ATTRIBUTE_KINDS: Final = frozenset({str, bool, int, float})
_known_ids: Final[set[str]] = set()
"""Ids that hold no secret; bounded, because a process may see many."""
_MOST_IDS: Final = 4096


class _Known:
    """The rules by which the known ids are clean."""

    rules = in_force.rules


_known: Final = _Known()


def redact_id(identifier: str) -> str:
    """Return an id without secrets.

    An id is data, and has to stay the same wherever it comes again. So where the shape of a secret stands in one, its
    mark has the beginning of the secret's SHA-256: two ids stay two, and one stays one.
    """
    if in_force.rules is not _known.rules:
        _known_ids.clear()
        _known.rules = in_force.rules
    if identifier in _known_ids:
        return identifier
    try:
        parts: list[str] = []
        done = 0
        for begin, end, kind in text_spans(identifier):
            from hashlib import sha256  # loads OpenSSL, which an import can do without

            digest = sha256(identifier[begin:end].encode("utf-8", "surrogatepass")).hexdigest()[:8]
            parts += (identifier[done:begin], f"{count(kind)[:-1]}:{digest}]")
            done = end
    except Exception as error:  # noqa: BLE001 - fail closed
        return count(type(error).__name__)
    if done:
        return "".join((*parts, identifier[done:]))
    if len(_known_ids) >= _MOST_IDS:
        _known_ids.clear()
    if len(identifier) <= 256:
        _known_ids.add(identifier)
    return identifier


def redact_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return attributes of a span or a resource without secrets, still of the types that attributes have."""
    if not attributes:
        return {}
    found: dict[str, Any] = {}
    for name, value in redact_details({as_text(name): _plain(value) for name, value in attributes.items()}).items():
        found[name] = value if type(value) in _ATTRIBUTE_KINDS or isinstance(value, list) else as_text(value)
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def redact_event(event: PatternEvent) -> PatternEvent:
    """Return an event of somebody else's without secrets: in its details, in members that we do not know, in ids."""
    return replace(redact_members(event), details=redact_details(event.details))


def redact_members(event: PatternEvent) -> PatternEvent:
    """Return an event without secrets in the members beside its details."""
    return replace(
        event,
        event_id=redact_id(event.event_id),
        job_id=redact_id(event.job_id),
        step_id=None if event.step_id is None else redact_id(event.step_id),
        pattern_run_id=redact_id(event.pattern_run_id),
        pattern_id=redact_id(event.pattern_id),
        event_type=redact_text(event.event_type),
        status=redact_text(event.status),
        extra=redact_details(event.extra) if event.extra else event.extra,
    )


def redact_baggage(name: str, value: object) -> tuple[str, str]:
    """Return an entry of baggage as a child process may have it."""
    shown: dict[str, str] = redact({name: as_text(value)})
    return next(iter(shown.items()))
