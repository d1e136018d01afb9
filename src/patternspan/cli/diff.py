"""`patternspan diff`: what is different about two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from msgspec import UNSET

from patternspan.aggregate.diff import Pair, compare
from patternspan.aggregate.plain import duration, scalar, visible_in
from patternspan.cli.options import settings, shared
from patternspan.cli.run import found_run
from patternspan.cli.runs import short_id, short_length
from patternspan.cli.screen import Screen
from patternspan.cli.table import Cell, write_table
from patternspan.model.wire import encode_value

if TYPE_CHECKING:
    from patternspan.model.run import PatternRun

_WIDEST: Final = 60
_NARROWEST: Final = 12
_ROOMY: Final = 110
_WIDE_NAME: Final = 40
_NARROW_NAME: Final = 26
_CHANGE_COLUMNS: Final = 24
"""Of the last column, and of what stands between columns."""
_SECONDS: Final = "seconds."


@click.command()
@click.argument("one", metavar="RUN_ID")
@click.argument("other", metavar="RUN_ID")
@click.option(
    "--file", "-i", "files", multiple=True, type=click.Path(), metavar="PATH",
    help="Read this log, or the logs of this folder.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Also what is the same.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@shared()
def diff(one: str, other: str, files: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Show what is different about two runs: result, error, command, inputs, outputs, artifacts and durations.

    Each RUN_ID is any beginning of an id that no other run has; PRUN- may be left out.
    """
    with Screen(settings().color) as screen:
        mine, theirs = found_run(files, one, screen), found_run(files, other, screen)
        pairs = compare(mine, theirs)
        if as_json:
            screen.raw(encode_value(_members(mine, theirs, pairs, everything)))
            return
        shown = [pair for pair in pairs if everything or pair.differs]
        if not shown:
            screen.line("no difference")
            return
        _write(screen, mine, theirs, shown)


def _members(mine: PatternRun, theirs: PatternRun, pairs: list[Pair], everything: bool) -> dict[str, Any]:
    """Return the object: for each difference its name, and the value of each run that has one."""
    members: dict[str, Any] = {
        "one": mine.pattern_run_id,
        "other": theirs.pattern_run_id,
        "differences": [pair for pair in pairs if pair.differs],
    }
    if everything:
        members["same"] = {pair.name: pair.one for pair in pairs if not pair.differs}
    return members


def _write(screen: Screen, mine: PatternRun, theirs: PatternRun, pairs: list[Pair]) -> None:
    ids = [mine.pattern_run_id, theirs.pattern_run_id]
    length = short_length(ids)
    is_narrow = screen.live and screen.columns < _ROOMY
    most = _NARROW_NAME if is_narrow else _WIDE_NAME
    room = (screen.columns - most - _CHANGE_COLUMNS) // 2 if screen.live else _WIDEST
    width = max(_NARROWEST, min(_WIDEST, room))
    rows = [
        [
            Cell(_named(pair.name, most), "" if pair.differs else "dim"),
            Cell(_shown(pair, pair.one, width), _style(pair, pair.one)),
            Cell(_shown(pair, pair.other, width), _style(pair, pair.other)),
            Cell(_change(pair), "dim"),
        ]
        for pair in pairs
    ]
    write_table(screen, ["", *(short_id(run_id, length) for run_id in ids), "CHANGE"], rows)


def _named(name: str, columns: int) -> str:
    """Return a name; of a long path the end says more than the beginning."""
    part, _, path = name.partition(".")
    if part == "artifacts" and len(name) > columns:
        name = f"{part}.…{path[len(part) + 2 - columns :]}"
    return visible_in(name, columns)


def _apart(value: str, beside: Any, columns: int) -> str:
    """Return a text from shortly before the place where it is another than the one beside it."""
    if not isinstance(beside, str) or len(value) <= columns:
        return value
    pairs = enumerate(zip(value, beside, strict=False))
    parted = next((at for at, (mine, theirs) in pairs if mine != theirs), min(len(value), len(beside)))
    start = max(0, parted - columns // 3)
    return f"…{value[start:]}" if start > 1 else value


def _shown(pair: Pair, value: Any, width: int) -> str:
    if value is UNSET:
        return "-"
    if pair.name.startswith(_SECONDS):
        return duration(value)
    if pair.name.startswith("artifacts."):
        return "there"
    if isinstance(value, str) and pair.differs:
        value = _apart(value, pair.other if value is pair.one else pair.one, width)
    text = scalar(value)
    return visible_in(encode_value(value).decode() if text is None else text, width)


def _style(pair: Pair, value: Any) -> str:
    return value if pair.name == "status" and isinstance(value, str) else ""


def _change(pair: Pair) -> str:
    one, other = _number(pair.one), _number(pair.other)
    if one is None or other is None or not pair.differs:
        return ""
    if pair.name.startswith(_SECONDS):
        change = duration(other - one) if other < one else f"+{duration(other - one)}"
        return f"{change}  ×{other / one:.2g}" if one > 0 else change  # noqa: RUF001
    is_figure = pair.name.startswith("outputs.") and pair.name != "outputs.exit_code"
    return f"{other - one:+,}" if is_figure else ""


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
