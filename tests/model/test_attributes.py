"""An event's details and members come back from the attributes of a span event without loss."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from patternspan.errors import LineError
from patternspan.model.attributes import (
    details_from_attributes,
    details_to_attributes,
    members_beside,
    members_from_attributes,
)
from patternspan.model.event import PatternEvent
from patternspan.model.wire import encode_value
from strategies import any_events, objects, texts, values

BIG = 2**63


def same(left, right):
    """Say whether two JSON values are the same, 1, 1.0 and true told apart."""
    return left == right and encode_value(sorted_deep(left)) == encode_value(sorted_deep(right))


def sorted_deep(value):
    if isinstance(value, dict):
        return {name: sorted_deep(value[name]) for name in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def test_plain_values_are_searchable_and_the_rest_is_one_text():
    """Scalars and plain lists are attributes of their own; all else is JSON."""
    details = {
        "exit_code": 0,
        "ok": True,
        "seconds": 18.7,
        "command": "ruff check",
        "artifacts": ["a", "b"],
        "none": [],
        "summary": {},
        "missing": None,
        "mixed": [1, "a"],
        "huge": BIG,
    }
    assert details_to_attributes("EVT-1", "success", details) == {
        "pattern.event.id": "EVT-1",
        "pattern.event.status": "success",
        "pattern.details.exit_code": 0,
        "pattern.details.ok": True,
        "pattern.details.seconds": 18.7,
        "pattern.details.command": "ruff check",
        "pattern.details.artifacts": ["a", "b"],
        "pattern.details.none": [],
        "pattern.event.details": '{"summary":{},"missing":null,"mixed":[1,"a"],"huge":9223372036854775808}',
    }


lists = st.lists(
    st.integers(-BIG - 1, BIG) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False), max_size=3
)
many = st.builds(
    lambda size, few: {f"m{number}": few[number % len(few)] for number in range(size)},
    st.integers(95, 130),
    st.lists(values, min_size=1, max_size=5),
)


@given(objects | st.dictionaries(texts, lists, max_size=5))
@example({"": 1, "exit_code": 1, "a.b": None, "pattern.event.details": "x"})
@example({"low": -BIG, "lower": -BIG - 1, "high": BIG - 1, "higher": BIG, "list": [BIG - 1], "longer": [BIG]})
@example({"one": 1, "true": True, "point": 1.0, "ones": [1, True], "points": [1, 1.0], "empty": [[]]})
@example({f"member {number}": number for number in range(101)})
def test_details_come_back(details):
    """Any JSON details come back from their attributes."""
    attributes = details_to_attributes("E", "success", details)
    assert same(details_from_attributes(attributes), details)


@given(many)
def test_many_details_come_back_and_fit_into_a_span_event(details):
    """Details of more members than a span event holds come back too."""
    attributes = details_to_attributes("E", "success", details)
    assert len(attributes) <= 103
    assert same(details_from_attributes(attributes), details)


@given(st.lists(objects, min_size=1, max_size=3))
def test_details_come_back_from_a_real_span(several):
    """What the SDK keeps of the attributes is enough."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("run") as span:
        for details in several:
            span.add_event("event", details_to_attributes("E", "success", details))
    (finished,) = exporter.get_finished_spans()
    for event, details in zip(finished.events, several, strict=True):
        assert same(details_from_attributes(event.attributes), details)


def test_broken_json_in_attributes_is_told():
    """Attributes that another program broke raise the error of a broken line."""
    with pytest.raises(LineError, match="not JSON: the line is cut off"):
        details_from_attributes({"pattern.event.details": '{"a":'})
    with pytest.raises(LineError, match="not UTF-8: byte 2"):
        details_from_attributes({"pattern.event.details": '"\ud800"'})
    with pytest.raises(LineError, match="an object is wanted, found an array"):
        members_from_attributes({"pattern.event.members": "[]"}, {})
    with pytest.raises(LineError, match=r"pattern\.event\.members: "):
        members_from_attributes({"pattern.event.members": '{"unset":5}'}, {})
    with pytest.raises(LineError, match=r"pattern\.event\.members: "):
        members_from_attributes({"pattern.event.members": '{"set":["a"]}'}, {})


def members_but_details(event):
    members = event.to_dict()
    del members["details"]
    return members


def test_nothing_stands_beside_what_the_span_gives():
    """Where the span gives every member there is no attribute for them; a differing one is named alone."""
    event = PatternEvent("E", "pattern.paused", "2025-11-26T07:15:12Z", "J", None, "R", "P", "success", {"a": 1})
    given_members = members_but_details(event)
    assert members_beside(event, given_members) == {}
    assert members_beside(event, {**given_members, "job_id": "K", "trace_id": "t"}) == {
        "pattern.event.members": '{"set":{"job_id":"J"},"unset":["trace_id"]}'
    }


@given(any_events(), st.data())
def test_members_come_back(event, data):
    """Whatever a span gives, right, wrong, too much or too little, the event's own members come back."""
    members = members_but_details(event)
    names = st.sampled_from(sorted(members)) | st.sampled_from(["trace_id", "span_id", "host"])
    given_members = {**members, **data.draw(st.dictionaries(names, values, max_size=3))}
    for name in data.draw(st.lists(names, max_size=3)):
        given_members.pop(name, None)
    attributes = members_beside(event, given_members)
    assert members_from_attributes(attributes, given_members) == members
