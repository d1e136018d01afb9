"""Values as plain text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.aggregate.plain import age, duration, number, shorten, visible, width
from patternspan.cli.screen import json_visible

DANGEROUS = {*range(0x20), *range(0x7F, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)}
DANGEROUS |= {0xFEFF, *range(0xD800, 0xE000)}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain → ünïcode 日本", "plain → ünïcode 日本"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\u202egpj.exe\u2066\u200b\ufeff\u2028", "\\u202egpj.exe\\u2066\\u200b\\ufeff\\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_steers_a_terminal_is_written_out(text, shown):
    """Control characters, marks of direction and half characters are shown as escapes, the rest as it is."""
    assert visible(text) == shown


@given(st.text())
def test_no_text_can_steer_a_terminal(text):
    """Whatever the text, nothing dangerous is left in it, and a harmless text is unchanged."""
    shown = visible(text)
    assert not DANGEROUS & set(map(ord, shown))
    if not DANGEROUS & set(map(ord, text)) and text.isprintable():
        assert shown == text


@given(st.text())
def test_json_for_a_terminal_is_the_same_value(text):
    """JSON with its dangerous characters written out is still the same JSON value."""
    shown = json_visible(json.dumps({"text": text}, ensure_ascii=False).encode("utf-8", "replace"))
    assert not DANGEROUS & set(map(ord, shown))
    assert json.loads(shown) == {"text": text.encode("utf-8", "replace").decode()}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"), (0.0004, "0.4ms"), (0.12, "120ms"), (0.9996, "1.0s"), (18.7, "18.7s"), (59.96, "1m 00s"),
        (185, "3m 05s"), (7800, "2h 10m"), (360000, "4d 4h"), (-2, "-2.0s"),
    ],
)  # fmt: skip
def test_durations_are_short(seconds, text):
    """A length of time is written with two units at most."""
    assert duration(seconds) == text


def test_ages_have_one_unit():
    """An age is rounded down to its largest unit."""
    assert [age(seconds) for seconds in (-5, 59, 60, 7199, 90000)] == [
        "0s ago",
        "59s ago",
        "1m ago",
        "1h ago",
        "1d ago",
    ]


@given(st.text(max_size=30), st.integers(1, 40))
def test_a_shortened_text_fits(text, columns):
    """A text is cut to the columns there are, and left alone where it fits."""
    cut = shorten(text, columns)
    assert width(cut) <= columns
    assert (cut == text) == (width(text) <= columns) or cut == text


@pytest.mark.parametrize("value", [True, None, "1", float("nan"), float("inf"), 10**400, [1]])
def test_only_finite_numbers_are_numbers(value):
    """What cannot be counted with is no number."""
    assert number(value) is None
