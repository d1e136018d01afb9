"""How many secrets of a labelled corpus are found, and how often something else is taken for one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patternspan import redact

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from redaction import HOSTILE, SETS, measure


@pytest.mark.parametrize("name", SETS)
def test_a_corpus_is_redacted_with_few_misses_and_few_false_alarms(name: str) -> None:
    """Each set has templates of its own; the seeds are fixed."""
    scores = measure(SETS[name]())
    assert scores["all"].secrets > 400
    assert scores["all"].recall >= 0.97
    assert scores["all"].precision >= 0.97
    assert scores["all"].spoilt == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_comes_back(name: str) -> None:
    """A tenth of the benchmark's size; what it costs is measured there."""
    assert isinstance(redact(HOSTILE[name][:18_000]), str)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
PARTS = [
    "password", ":", "=", "hunter2Zq9", "token", "-p", "mysql", "://", "@", "user", ";", ",", "{", "}", "Bearer", ".",
    "--", "eyJhbGciOi", "%3D", "&", "key", "is",
    "[redacted:token]", "<", ">", "cookie", "[", "]", "\\", '"', "'", "curl -u",
]  # fmt: skip
WORDY = st.lists(st.sampled_from([*PARTS, " ", "\n", ": "]), max_size=24).map("".join)


@settings(deadline=None, max_examples=60)
@given(JSON)
def test_any_value_keeps_its_shape(value: Any) -> None:
    """Redaction changes texts, and figures below a secret's name, never what holds them."""
    assert shape(redact(value)) == shape(value)


@settings(deadline=None, max_examples=60)
@given(WORDY)
def test_what_is_redacted_is_not_redacted_again(text: str) -> None:
    """A mark is no secret."""
    once = redact(text)
    marks = once.count("[redacted:")
    assert redact(once).count("[redacted:") >= marks - text.count("[redacted:")


@settings(deadline=None, max_examples=60)
@given(WORDY, WORDY)
def test_a_password_on_a_line_of_its_own_never_survives(before: str, after: str) -> None:
    """Whatever stands on the other lines."""
    assert "x9Kd72LmQp" not in redact(f"\n\n{after}\n\nexport DB_PASSWORD=x9Kd72LmQp\n")
    assert "x9Kd72LmQp" not in redact({"a": before, "b": ["--password", "x9Kd72LmQp", after]})["b"]


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return [shape(item) for item in value.values()]
    return [shape(item) for item in value] if isinstance(value, list) else "leaf"
