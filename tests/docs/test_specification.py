"""The specification page says what the types say, and its examples conform."""

import json
import re
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, is_typeddict

import msgspec
import pytest

from patternspan.model.conform import judge_event, judge_lifecycle, judge_run
from patternspan.model.details import DETAILS, CommonDetails, members_of
from patternspan.model.fold import fold
from patternspan.model.run import PatternRun
from patternspan.model.vocabulary import EVENT_TYPES, RUN_STATUSES
from patternspan.model.wire import NINE, decode

PAGE = (Path(__file__).parents[2] / "docs" / "specification.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def section(heading):
    """Return the text below a heading, up to the next one."""
    return re.split(r"^#+ ", PAGE.split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(heading):
    """Return the cells of the table below a heading, without its head."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def objects(block):
    """Return the objects of a block: one a line, or one on several lines."""
    if block.startswith("{\n"):
        return [json.loads(block)]
    return [json.loads(line) for line in block.splitlines()]


def words(kind):
    """Return the page's words for a member's type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words(arguments[0]) + ", 0 or more" * any(meta.ge is not None for meta in arguments[1:])
    if origin is Literal:
        return "one of " + ", ".join(f"`{word}`" for word in arguments)
    if origin is UnionType:
        return " or ".join(map(words, arguments))
    if origin is list:
        return "array of " + (words(arguments[0]) if is_typeddict(arguments[0]) else words(arguments[0]) + "s")
    if origin is dict:
        return "object" if arguments[1] is Any else f"object of {words(arguments[1])}s"
    if is_typeddict(kind):
        return " and ".join(f"`{name}`" for name in members_of(kind))
    return {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}[kind]


def expected_rows(shape):
    """Return the rows that a details type asks for."""
    found = []
    for name, (kind, required) in members_of(shape).items():
        (meaning,) = [meta.description for meta in get_args(kind)[1:] if meta.description]
        found.append((f"`{name}`", words(kind), "required" if required else "optional", meaning))
    return found


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_table_of_a_type_is_that_of_its_details(event_type):
    """Each type has a table of its members: name, type, need and meaning, and its own sentence above."""
    heading = f"### `{event_type}`"
    assert rows(heading) == expected_rows(DETAILS[event_type])
    assert section(heading).strip().startswith(DETAILS[event_type].__doc__)


def test_the_table_of_common_members_is_that_of_the_type():
    """The members that any type may have are all on the page."""
    assert rows("### Any type") == expected_rows(CommonDetails)


def names(cells):
    return tuple(name for cell in cells for name in re.findall(r"`(\w+)`", cell[0]))


def test_the_other_tables_name_what_there_is():
    """The nine members, the statuses and the members of a run are on the page, in order."""
    assert names(rows("## The event")) == NINE
    assert names(rows("## Statuses")) == RUN_STATUSES
    assert names(rows("## The run")) == tuple(field.name for field in msgspec.structs.fields(PatternRun))


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_conforms(block):
    """Each JSON block holds events or runs that are strictly valid."""
    for members in objects(block):
        assert (judge_event if "event_id" in members else judge_run)(members) == []


def test_the_whole_run_is_what_its_lines_fold_into():
    """The lines of the last example are a valid run, and fold into the object below them."""
    lines, run = BLOCKS[-2:]
    events = [decode(line.encode()) for line in lines.splitlines()]
    assert judge_lifecycle(events) == []
    assert json.loads(fold(events).to_json()) == json.loads(run)
