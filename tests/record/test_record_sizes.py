"""Values, names, lines and depth are bounded; a cut says how long the whole was and what its SHA-256 is."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import patternspan
from patternspan import pattern_span
from recorded import problems


def mark(text: str) -> str:
    return f"… [cut: {len(text)} characters, sha256:{sha256(text.encode()).hexdigest()}]"


def test_a_cut_is_marked_with_size_and_hash_of_the_whole(root: Path, written: Any) -> None:
    """Values and names, short and very long."""
    patternspan.configure(root=root, max_value_chars=10)
    texts = ["é" * 11, "y" * 100_000]
    with pattern_span("PAT-SIZ-001") as run:
        run.result({"texts": texts, "n" * 20: 1})
    assert written()[-1].details["result_summary"] == {
        "texts": ["é" * 10 + mark(texts[0]), "y" * 10 + mark(texts[1])],
        "n" * 10 + mark("n" * 20): 1,
    }


def test_the_whole_is_kept_where_that_is_asked_for(root: Path, written: Any) -> None:
    """In a file of its own, redacted, readable by its owner alone, under the hash of what it holds."""
    patternspan.configure(root=root, max_value_chars=10, keep_whole=True)
    text = "z" * 50 + " password=hunter2 " + "z" * 50
    with pattern_span("PAT-SIZ-002") as run:
        run.result(text=text)
    clean = text.replace("hunter2", "[redacted:password]")
    name = f"artifacts/{sha256(clean.encode()).hexdigest()}.txt"
    assert written()[-1].details["result_summary"] == {"text": "z" * 10 + mark(text)[:-1] + f", whole: {name}]"}
    assert (root / name).read_text() == clean
    assert (root / name).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (root / "artifacts").iterdir()] == [Path(name).name]


def test_a_line_is_bounded_and_its_ids_are_whole(root: Path, written: Any) -> None:
    """However many members the details have; the event stays what the contract says."""
    patternspan.configure(root=root, max_line_bytes=3000)
    for value in (
        {f"k{number}": "x" * 4000 for number in range(150)},
        {"a": [["y" * 90] * 150] * 150},
        {"t": "z" * 4000},
    ):
        with pattern_span("PAT-SIZ-003") as run:
            run.result(value)
    lines = (root / "events" / "pattern_events.jsonl").read_bytes().splitlines(keepends=True)
    assert [len(line) for line in lines if len(line) > 3000] == []
    assert [len({event.pattern_run_id for event in written()}), len(written())] == [3, 6]
    assert problems(written()[:2]) == []
    assert written()[-1].details["…"].startswith("[cut: ")
