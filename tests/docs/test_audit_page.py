"""The page on audits shows what happens: its commands run, in order, on the log that it speaks of."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from pages import blocks, shell_commands, text_of

from commands import call
from logs import START_NS, failed_run, good_run, lines

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/audit.md"
TEXTS = [block.text for block in blocks(PAGE) if block.language == "text"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two closed segments and a live log, as the page has them."""
    folder = tmp_path / "state" / "events"
    folder.mkdir(parents=True)
    for number, name in enumerate(["00000001.jsonl", "00000002.jsonl", "jsonl"]):
        start = START_NS + number * 60_000_000_000
        data = lines(good_run(2 * number, start)) + lines(failed_run(2 * number + 1, start))
        (folder / f"pattern_events.{name}").write_bytes(data)
    return tmp_path


def test_every_command_of_the_page_runs(place: Path) -> None:
    """In the order of the page, each with exit code 0; what is shown after one is what it prints."""
    shown = {"seal": TEXTS[0], "verify": TEXTS[1], "verify-proof": TEXTS[3]}
    for line in shell_commands(PAGE):
        words = shlex.split(line)
        assert words[:2] == ["patternspan", "audit"]
        more = ["--grace", "0"] if words[2] == "seal" else []
        code, out, err = call(place, *words[1:], *more)
        assert code == 0, err
        if words[2] in shown:
            assert out == shown.pop(words[2])
    assert shown == {}
    assert (place / "audit.zip").exists()


def test_the_altered_line_of_the_page(place: Path) -> None:
    """The seventh line of the second segment, as the page shows it."""
    assert call(place, "audit", "seal", "--grace", "0")[0] == 0
    path = place / "state" / "events" / "pattern_events.00000002.jsonl"
    text = path.read_bytes()
    path.write_bytes(text.replace(b'"finding_count":12', b'"finding_count":0'))
    assert call(place, "audit", "verify")[:2] == (4, TEXTS[2])


def test_a_job_log_is_sealed_like_any_other(place: Path) -> None:
    """With the option that the page names."""
    (command,) = re.findall(r"`patternspan (audit --events-dir \S+ seal)`", text_of(PAGE).replace("\n", " "))
    (place / "state" / "events" / "jobs").mkdir()
    (place / "state" / "events" / "jobs" / "JOB").mkdir()
    code, out, err = call(place, *command.split())
    assert (code, out, err) == (0, "nothing to seal\n", "")


def test_every_kind_of_finding_is_on_the_page() -> None:
    """The words of the tables are those of the code."""
    from patternspan.evidence.report import PROBLEMS

    words = re.findall(r"^\| ([a-z ]+) \| ", text_of(PAGE), re.MULTILINE)
    assert [word for word in words if word not in {"word", "torn", "late", "retention", "signature"}] == list(PROBLEMS)
