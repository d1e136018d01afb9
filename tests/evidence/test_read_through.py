"""Torn lines are found wherever they were cut, without decoding what looks whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealed import LINES, WHOLE, text

from patternspan.evidence.read_through import read_through
from patternspan.evidence.segments import Segment

if TYPE_CHECKING:
    from pathlib import Path


def torn_in(place: Path, data: bytes) -> list[int]:
    """Return the torn lines, which are the same whether the number of lines is known or not."""
    path = place / "log"
    path.write_bytes(data)
    count = data.count(b"\n") + (data[-1:] not in {b"\n", b""})
    found = read_through(Segment(1, str(path)), lines=count)
    assert found == read_through(Segment(1, str(path)))
    assert (found.lines, found.size) == (count, len(data))
    return [torn.line for torn in found.torn]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.integers(0, 12), data=st.data())
def test_a_line_that_was_cut_anywhere(tmp_path: Path, line: int, data: st.DataObject) -> None:
    """With a newline of the next writer after it, or glued to the next line."""
    size = data.draw(st.integers(1, len(LINES[line]) - 1))
    cut = LINES[line][:size]
    apart = [*LINES[:line], cut, *LINES[line + 1 :]]
    assert torn_in(tmp_path, text(apart)) == [line + 1]
    glued = [*LINES[:line], cut + LINES[line + 1], *LINES[line + 2 :]]
    assert torn_in(tmp_path, text(glued)) == [line + 1]


@pytest.mark.parametrize("data", [WHOLE, WHOLE * 500, b""])
def test_whole_lines(tmp_path: Path, data: bytes) -> None:
    """Also across the pieces in which a file is read."""
    assert torn_in(tmp_path, data) == []


def test_whole_lines_of_another_form_are_decoded(tmp_path: Path) -> None:
    """Blanks, another order of members, braces in texts, lines that are blank."""
    spaced = LINES[3].replace(b'{"event_id":', b'{ "event_id" :')
    braces = LINES[4].replace(b"STEP-001", b"}}}{")
    assert torn_in(tmp_path, text([*LINES[:3], spaced, braces, b"", LINES[5]])) == []
    assert torn_in(tmp_path, text([spaced, b"nonsense", braces])) == [2]


def test_a_last_line_without_a_newline(tmp_path: Path) -> None:
    """It may be whole, but nothing says so."""
    assert torn_in(tmp_path, WHOLE[:-1]) == [14]
    assert torn_in(tmp_path, WHOLE * 500 + LINES[0][:100]) == [7001]
