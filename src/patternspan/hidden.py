"""Characters that steer a terminal or deceive who reads a text, and how they are written out.

Control and format characters, marks of direction, characters without a shape of their own, halves of characters,
private ones, and marks piled higher than any script does. What emoji are joined by stays where it joins emoji.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final

MOST_MARKS: Final = 6
"""Combining marks on one character that are shown; vowel, accent and chant marks of Hebrew together are four."""

_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Me"})
# Format characters that have a shape: the signs of numbers and verses in Arabic, Syriac and Kaithi.
_SHAPED: Final = frozenset(
    (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)
)  # fmt: skip
# Of other categories, but without a shape: fillers, selectors of a variant, a blank of Braille and one of notes,
# what is reserved for more of them, and what no text may hold.
_SHAPELESS: Final = (
    (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFDD0, 0xFDEF), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xFFFE, 0xFFFF),
    (0x1D159, 0x1D159), (0xE0000, 0xE0FFF),
)  # fmt: skip
_JOINER: Final = "\u200d"
_SELECTORS: Final = "\ufe0e\ufe0f"
_KEYCAP: Final = "\u20e3"
# Characters that are emoji only with a selector behind them, and not among the symbols.
_BECOME_EMOJI: Final = frozenset("‼⁉ℹ〰〽↔◽◾")  # noqa: RUF001 - these they are
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN, _MARK, _HIDDEN = range(3)


def visible(text: str) -> str:
    r"""Return `text` with what steers or deceives written out, such as `\x1b` and `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return write_out(text, escaped)


def write_out(text: str, escape: Callable[[str], str]) -> str:
    """Return `text` in which `escape` has written out each hidden character."""
    shown: list[str] = []
    marks = 0
    for at, character in enumerate(text):
        kind = _kind(character)
        if kind == _PLAIN:
            marks = 0
        elif kind == _MARK:
            marks += 1
        hidden = marks > MOST_MARKS if kind == _MARK else kind == _HIDDEN and not _joins_emoji(text, at)
        shown.append(escape(character) if hidden else character)
    return "".join(shown)


def escaped(character: str) -> str:
    r"""Return a character as an escape: `\n`, `\x1b`, `\u202e`, `\U000e0041`."""
    code = ord(character)
    if code < 0x100:
        return _NAMED.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(4096)
def _kind(character: str) -> int:
    category = unicodedata.category(character)
    code = ord(character)
    if category in _CATEGORIES:
        return _PLAIN if code in _SHAPED else _HIDDEN
    if any(first <= code <= last for first, last in _SHAPELESS) or code & 0xFFFE == 0xFFFE:
        return _HIDDEN
    return _MARK if category in _MARKS else _PLAIN


def _joins_emoji(text: str, at: int) -> bool:
    """Say whether a joiner stands between two emoji, or a selector right behind what it makes one."""
    character = text[at]
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if character == _JOINER:
        return _is_emoji(before) and after != "" and unicodedata.category(after) == "So"
    if character in _SELECTORS:
        keycap = before in tuple("0123456789#*") and after == _KEYCAP
        return keycap or before in _BECOME_EMOJI or (before != "" and unicodedata.category(before) == "So")
    return False


def _is_emoji(character: str) -> bool:
    # A shade of skin is a modifier of its own, and a selector may stand before the joiner.
    return character != "" and (
        unicodedata.category(character) == "So" or "\U0001f3fb" <= character <= "\U0001f3ff" or character == "\ufe0f"
    )
