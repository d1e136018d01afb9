"""What the first event of a run tells of its span besides the ids: the parent, and whether it was sampled.

With it the span can be made again from the log and hung where it hung, and what a sampler left out stays left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from patternspan.model.event import PatternEvent

SPAN_NOTE: Final = "otel"
"""The member of details that holds it: `{"parent": "<16 hex>", "sampled": false}`, each where it says something."""


def span_note(parent_span_id: int, *, is_sampled: bool) -> dict[str, Any]:
    """Return the member; `parent_span_id` 0 is none."""
    note: dict[str, Any] = {}
    if parent_span_id:
        note["parent"] = f"{parent_span_id:016x}"
    if not is_sampled:
        note["sampled"] = False
    return note


def was_sampled(events: Iterable[PatternEvent]) -> bool:
    """Say whether the span of these events' run was sampled, and so exported; without a note it was."""
    return all(_note(event).get("sampled") is not False for event in events)


def parent_of(events: Iterable[PatternEvent]) -> int:
    """Return the id of the span above the run's; 0 where it had none, or nobody says."""
    for event in events:
        text = _note(event).get("parent")
        if isinstance(text, str) and len(text) == 16 and text.isascii() and text.isalnum():
            try:
                return int(text, 16)
            except ValueError:
                return 0
    return 0


def _note(event: PatternEvent) -> dict[str, Any]:
    note = event.details.get(SPAN_NOTE)
    return note if isinstance(note, dict) else {}
