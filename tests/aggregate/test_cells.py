"""Text in tables and in HTML."""

import csv
import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patternspan.aggregate.cells import csv_cell, html_text
from patternspan.hidden import visible

BEGINNINGS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001


@pytest.mark.parametrize("begin", [*BEGINNINGS, " =", "\u00a0+", "\u200b=", "\x00@"])
def test_a_cell_never_begins_as_a_formula(begin):
    """A text that a spreadsheet would calculate begins with an apostrophe or an escape."""
    assert csv_cell(f"{begin}cmd|' /C calc'!A0")[0] in "'\\"


@given(st.text())
def test_a_cell_is_the_visible_text(text):
    """A cell holds the text, and a reader of CSV gets back what was put in."""
    cell = csv_cell(text)
    assert cell.removeprefix("'") == visible(text) or cell == visible(text)
    assert cell.lstrip(" \u00a0\u3000")[:1] not in set(BEGINNINGS)
    file = io.StringIO()
    csv.writer(file).writerow([cell, "next"])
    assert next(csv.reader(io.StringIO(file.getvalue()))) == [cell, "next"]


@given(st.text(st.one_of(st.sampled_from("<>&\"'/=!-script"), st.characters())))
def test_html_shows_text_as_text(text):
    """Between tags and in an attribute, no tag and no other text comes of it."""
    found = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append((tag, attributes))

        def handle_data(self, data):
            found.append(data)

    parser = Parser()
    parser.feed(f'<p title="{html_text(text)}">{html_text(text)}</p>')
    parser.close()
    assert found[0] == ("p", [("title", visible(text))])
    assert "".join(found[1:]) == visible(text)
