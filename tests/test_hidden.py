"""Characters that deceive who reads a text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.hidden import MOST_MARKS, visible, write_out

HIDDEN = [
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810),
    *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0x2800, 0x3164, 0xD800, 0xDFFF, 0xE000,
    *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF0, 0xFFFC), 0xFFFE, 0x1D173,
    0xE0000, 0xE0001, 0xE0020, 0xE007F, 0xE0100, 0xE01EF, 0xE0FFF,
    0xF0000, 0x10FFFF,
]  # fmt: skip


@pytest.mark.parametrize("code", HIDDEN, ids=hex)
def test_what_is_not_seen_is_written_out(code):
    """Alone and between letters, a hidden character is an escape."""
    character = chr(code)
    for text in (character, f"a{character}b", character * 3):
        shown = visible(text)
        assert shown.isascii()
        assert shown.isprintable()
        assert len(shown) > len(text)


@pytest.mark.parametrize(
    "text",
    [
        "ünïcode 日本語 한국어 ελληνικά",
        "👩\u200d👩\u200d👧 👍🏽 🏳\ufe0f\u200d🌈 👩🏽\u200d🚀 ❤\ufe0f 1\ufe0f\u20e3 ‼\ufe0f 🇩🇪",
        "e\u0301", "שָׁלוֹם", "Tiê\u0301ng Viê\u0323t", "हिन्दी", "نص عربي \u0660", "→ ✓ █ ▒ …",
    ],
)  # fmt: skip
def test_ordinary_text_stays_as_it_is(text):
    """Letters of all scripts, accents that are combined, and emoji that are joined are left alone."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("pay\u200dpal", "pay\\u200dpal"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("❤\ufe0f\ufe0f\ufe0e", "❤\ufe0f\\ufe0f\\ufe0e"),
        ("👩\u200d", "👩\\u200d"),
        ("\u200d👩", "\\u200d👩"),
        ("🏴\U000e0067\U000e007f", "🏴\\U000e0067\\U000e007f"),
    ],
)
def test_joiners_and_selectors_join_emoji_only(text, shown):
    """Where it joins nothing, a joiner or a selector may carry hidden data, and is written out."""
    assert visible(text) == shown


@given(st.integers(0, 200))
def test_marks_are_piled_up_to_a_bound(count):
    """More combining marks than any script piles on one character are written out."""
    text = "e" + "\u0301" * count
    assert visible(text) == text[: 1 + MOST_MARKS] + "\\u0301" * (count - MOST_MARKS)


@given(st.text(st.one_of(st.sampled_from("a1👩❤🏽\u200d\ufe0f\u20e3\u0301\u202e\x1b"), st.characters())))
def test_what_is_shown_can_be_shown_again(text):
    """What was made visible is left as it is, holds no control and no mark of direction, and loses no letter."""
    shown = visible(text)
    assert visible(shown) == shown
    assert not {"\u202e", "\u2066", "\x1b", "\x9b"} & set(shown)
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Co", "Zl", "Zp"} for character in shown)
    kept = [part for part in write_out(text, lambda _: "\0") if part != "\0"]
    assert [part for part in text if part.isalpha() and part not in HIDDEN_LETTERS] == [
        part for part in kept if part.isalpha()
    ]


HIDDEN_LETTERS = set("\u115f\u1160\u3164\uffa0")
