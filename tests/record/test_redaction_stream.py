"""A tool's output is redacted while it is written, however it comes."""

from __future__ import annotations

import base64
import random
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from patternspan import current_run, pattern_span
from patternspan.record.redact_stream import HOLD_SECONDS, StreamRedactor

SECRET = "x9Kd72LmQpVt"
TOKEN = "gh" + "p_" + "a1B2" * 9
BODY = [base64.b64encode(random.Random(3).randbytes(48)).decode() for _ in range(5)]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----"])
LINES = (
    "start", f"DB_PASSWORD={SECRET}", PEM, f"after {TOKEN} é", f"curl -u bob:{SECRET} https://h", "- name: DB_PASSWORD",
    f"  value: {SECRET}", "end",
)  # fmt: skip
OUTPUT = "\n".join(LINES)
SHOWN = (
    "start\nDB_PASSWORD=[redacted:password]\n[redacted:private_key]\nafter [redacted:github_token] é\n"
    "curl -u bob:[redacted:password] https://h\n- name: DB_PASSWORD\n  value: [redacted:password]\nend"
)


def passed(pieces: list[bytes], seconds: float = 0.0) -> str:
    """Return what a stream of pieces becomes, so many seconds apart."""
    redactor = StreamRedactor()
    written, now = b"", 0.0
    for piece in pieces:
        written += redactor.feed(piece, now)
        now += seconds
        written += redactor.tick(now)
    return (written + redactor.finish()).decode()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(OUTPUT.encode())), max_size=12))
def test_chunks_make_no_difference(cuts: list[int]) -> None:
    """A secret or a key across their borders is found as in one piece."""
    data = OUTPUT.encode()
    places = [0, *sorted(cuts), len(data)]
    assert passed([data[a:b] for a, b in pairwise(places)]) == SHOWN


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(OUTPUT.encode())), max_size=6))
def test_slow_chunks_leak_nothing(cuts: list[int]) -> None:
    """Where each piece stands so long that what was held back of it is written."""
    data = OUTPUT.encode()
    places = [0, *sorted(cuts), len(data)]
    shown = passed([data[a:b] for a, b in pairwise(places)], 2 * HOLD_SECONDS)
    assert [line for line in BODY if line in shown] == []
    assert TOKEN not in shown
    assert SECRET not in shown


def test_a_prompt_is_seen_after_a_second_and_its_answer_is_not() -> None:
    """A line without an end is held back no longer than that."""
    redactor = StreamRedactor()
    assert redactor.feed(b"Enter password: ", 10.0) == b""
    assert redactor.tick(10.0 + HOLD_SECONDS / 2) == b""
    assert redactor.tick(10.0 + HOLD_SECONDS) == b"Enter password: "
    assert redactor.feed(SECRET.encode() + b"\nok\n", 12.0) == b"[redacted:password]\nok\n"


def test_the_beginning_of_a_token_is_withheld_with_its_rest() -> None:
    """Nobody knows yet how it goes on when a second has passed."""
    assert passed([TOKEN[:9].encode(), TOKEN[9:].encode() + b" done\n"], 2.0) == "[redacted:github_token] done\n"


def test_a_line_without_end_is_written_as_it_grows() -> None:
    """Memory stays bounded, and what is not text comes through as it is."""
    redactor = StreamRedactor()
    data = bytes(random.Random(4).randbytes(1000).replace(b"\n", b"x")) * 300
    written = redactor.feed(data, 0.0)
    assert len(data) - len(written) <= 1 << 14
    assert written + redactor.finish() == data


def test_the_files_of_a_tool_hold_no_secret(root: Path, written: Any) -> None:
    """Both streams, and the previews."""

    @pattern_span("PAT-RED-301")
    def work() -> str:
        script = f"import sys; sys.stdout.write({OUTPUT!r}); sys.stderr.write('Bearer {TOKEN}')"
        return current_run().command([sys.executable, "-c", script]).stdout

    assert work() == OUTPUT
    (folder,) = (root / "logs").iterdir()
    assert (folder / "stdout.log").read_text() == SHOWN
    assert TOKEN not in (folder / "stderr.log").read_text()
    assert written()[-1].details["stdout_preview"] == SHOWN
