"""A run's lines, put together from parts, are those of the model's own encoder."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from patternspan.model.event import PatternEvent
from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES
from patternspan.model.wire import encode, encode_value
from patternspan.record.lines import RunLines

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | _TEXT
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3))


@given(
    ids=st.tuples(_TEXT, st.none() | _TEXT, st.just("PRUN-01ARZ3NDEKTSV4RRFFQ69G5FAV"), _TEXT),
    trace=st.just((UNSET, UNSET)) | st.just(("0" * 31 + "1", "0" * 15 + "2")),
    kind=st.sampled_from(EVENT_TYPES),
    status=st.sampled_from(EVENT_STATUSES),
    details=st.dictionaries(_TEXT, _VALUES, max_size=5),
)
def test_a_line_is_byte_for_byte_that_of_the_encoder(
    ids: Any, trace: Any, kind: str, status: str, details: dict[str, Any]
) -> None:
    """Whatever the ids and details hold."""
    event = PatternEvent("EVT-1", kind, "2026-01-01T00:00:00.000000Z", *ids, status, details, *trace)
    line = RunLines(*ids, *trace).line("EVT-1", kind, "2026-01-01T00:00:00.000000Z", status, encode_value(details))
    assert line == encode(event) + b"\n"
