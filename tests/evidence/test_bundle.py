"""An auditor's archive holds a job's lines and what proves them, and is checked by standard Python alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sealed import LIVE, compress, folder_of, name, remove, sealed, some_lines

from logs import START_NS, RunMaker, good_run, lines
from patternspan import ConfigError, NotFoundError, checkpoint, seal
from patternspan.evidence.bundle import export
from patternspan.evidence.keys import make_key
from patternspan.model.wire import decode, encode

if TYPE_CHECKING:
    from pathlib import Path

JOB = good_run()[0].job_id
OTHER = good_run(job=2)[0].job_id


def unpacked(archive: Path) -> Path:
    """Unpack an archive beside itself and return its folder."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(archive.parent / archive.stem)
    (folder,) = (archive.parent / archive.stem).iterdir()
    return folder


def verdict(folder: Path, *words: object) -> tuple[int, list[str]]:
    """Run the verifier of a bundle, without site packages and without the environment."""
    command = [sys.executable, "-I", "-S", "verify.py", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sealed segments, one compressed, with lines of another job between, and a live log."""
    parts = [some_lines(0) + lines(good_run(7, job=2)), some_lines(1)]
    found = folder_of(tmp_path, parts, some_lines(2) + lines(good_run(8, job=2)))
    seal(found, grace=0)
    compress(found, 1)
    return found


@pytest.fixture
def bundle(folder: Path, tmp_path: Path) -> Path:
    """The unpacked archive of the job."""
    export(JOB, tmp_path / "a.zip", folder)
    return unpacked(tmp_path / "a.zip")


def test_what_is_in_the_archive(bundle: Path, folder: Path) -> None:
    """The job's lines as they stand, in order, and no other job's; everything is listed with its hash."""
    assert (bundle / "lines.jsonl").read_bytes() == some_lines(0) + some_lines(1) + some_lines(2)
    names = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert names == {
        "README.txt",
        "SHA256SUMS",
        "checkpoint.json",
        "lines.jsonl",
        "manifests/" + name(1, ".manifest.json"),
        "manifests/" + name(2, ".manifest.json"),
        "proofs.jsonl",
        "report.html",
        "schema/pattern_event.v1.json",
        "schema/pattern_run.v1.json",
        "verify.py",
    }
    rows = [row.split("  ") for row in (bundle / "SHA256SUMS").read_text().splitlines()]
    assert {name: digest for digest, name in rows} == {
        each: sha256((bundle / each).read_bytes()).hexdigest() for each in names - {"SHA256SUMS"}
    }
    assert OTHER not in "".join((bundle / each).read_text() for each in ("report.html", "lines.jsonl", "proofs.jsonl"))


def test_the_verifier_needs_the_standard_library_alone(bundle: Path, folder: Path, tmp_path: Path) -> None:
    """It is hardly more than a page, and takes a checkpoint that was kept elsewhere."""
    code, told = verdict(bundle)
    assert (code, told[-1], len(told)) == (0, "ok", 2)
    assert told[0].endswith(": 42 of 42 lines proven")
    assert len((bundle / "verify.py").read_text().splitlines()) < 75
    kept = tmp_path / "kept.json"
    kept.write_bytes(checkpoint(folder).to_bytes())
    assert verdict(bundle, kept)[1][1].endswith(": 42 of 42 lines proven")


def test_an_earlier_checkpoint_proves_what_it_saw(folder: Path, tmp_path: Path) -> None:
    """What came later is named as not proven by it."""
    kept = tmp_path / "kept.json"
    kept.write_bytes(checkpoint(folder).to_bytes())
    (folder / LIVE).rename(folder / name(3))
    (folder / LIVE).write_bytes(b"")
    seal(folder, grace=0)
    export(JOB, tmp_path / "b.zip", folder)
    code, told = verdict(unpacked(tmp_path / "b.zip"), kept)
    assert (code, told[-1]) == (0, "ok")
    assert told[0].endswith(": 42 of 42 lines proven")
    assert told[1].endswith(": 28 of 42 lines proven")
    assert told[2] == "  not proven: lines.jsonl:29"


def test_another_logs_checkpoint_is_refused(bundle: Path, tmp_path: Path) -> None:
    """The manifests do not lead there."""
    kept = tmp_path / "kept.json"
    kept.write_bytes(checkpoint(sealed(tmp_path / "other")).to_bytes())
    code, told = verdict(bundle, kept)
    assert (code, told[0], told[-1]) == (1, f"{kept}: the manifests do not lead to its head", "NOT OK")


@pytest.mark.parametrize("with_sums", [False, True])
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("lines.jsonl", b"success", b"failure"),
        ("lines.jsonl", some_lines(0).splitlines(True)[3], b""),
        ("lines.jsonl", some_lines(0).splitlines(True)[3], some_lines(0).splitlines(True)[4]),
        ("proofs.jsonl", b'"index":3', b'"index":4'),
        ("proofs.jsonl", b'"index":3', b'"index":-1'),
        ("proofs.jsonl", b'"path":["', b'"path":["00'),
        ("proofs.jsonl", b'"path":["', b'"path":["x'),
        ("proofs.jsonl", b'"path":["', b'"way":["'),
        ("manifests/" + name(1, ".manifest.json"), b'"lines":21', b'"lines":22'),
        ("manifests/" + name(2, ".manifest.json"), b"2025", b"2024"),
        ("checkpoint.json", b'"head":"', b'"head":"0'),
        ("checkpoint.json", b'"merkle_root":"', b'"merkle_root":"0'),
    ],
)
def test_a_bundle_that_was_changed_is_not_ok(bundle: Path, file: str, old: bytes, new: bytes, with_sums: bool) -> None:
    """Even where the list of hashes was made to fit."""
    data = (bundle / file).read_bytes()
    assert old in data
    (bundle / file).write_bytes(data.replace(old, new, 1))
    if with_sums:
        sums = bundle / "SHA256SUMS"
        fitting = sha256((bundle / file).read_bytes()).hexdigest()
        sums.write_bytes(sums.read_bytes().replace(sha256(data).hexdigest().encode(), fitting.encode()))
    code, told = verdict(bundle)
    assert (code, told[-1]) == (1, "NOT OK")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bit_of_a_bundle_counts(bundle: Path, data: st.DataObject) -> None:
    """In any of its files but the verifier, which cannot vouch for itself."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != "verify.py")
    path = data.draw(st.sampled_from(files))
    old = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(old) - 1))
    path.write_bytes((int.from_bytes(old, "big") ^ 1 << bit).to_bytes(len(old), "big"))
    try:
        assert verdict(bundle)[0] == 1
    finally:
        path.write_bytes(old)


def test_files_that_were_added_or_taken_away(bundle: Path) -> None:
    """A proof needs all that belongs to it, and nothing else."""
    (bundle / "extra").write_text("x")
    assert verdict(bundle)[1][0] == "extra: not as it stands in SHA256SUMS"
    (bundle / "extra").unlink()
    (bundle / "manifests" / name(1, ".manifest.json")).unlink()
    assert verdict(bundle)[0] == 1


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_the_same_log_and_checkpoint_make_the_same_bytes(folder: Path, tmp_path: Path, ending: str) -> None:
    """Order, times, owners and modes are fixed."""
    kept = checkpoint(folder)
    first = export(JOB, tmp_path / ("a" + ending), folder, given=kept)
    second = export(JOB, tmp_path / ("b" + ending), folder, given=kept)
    data = (tmp_path / ("a" + ending)).read_bytes()
    assert data == (tmp_path / ("b" + ending)).read_bytes()
    assert first.sha256 == second.sha256 == sha256(data).hexdigest()
    assert (first.lines, first.proven) == (42, 42)
    assert (tmp_path / ("a" + ending)).stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_exported(folder: Path, tmp_path: Path) -> None:
    """No such job, a file that is there, an ending that is none."""
    with pytest.raises(NotFoundError, match="no line of the job JOB-NONE"):
        export("JOB-NONE", tmp_path / "a.zip", folder)
    (tmp_path / "there.zip").write_text("x")
    with pytest.raises(ConfigError, match="there already"):
        export(JOB, tmp_path / "there.zip", folder)
    with pytest.raises(ConfigError, match="ending"):
        export(JOB, tmp_path / "a.rar", folder)


def test_after_retention_the_rest_is_exported(folder: Path, tmp_path: Path) -> None:
    """The chain of manifests still leads to the head."""
    remove(folder, 1)
    found = export(JOB, tmp_path / "a.zip", folder)
    assert (found.lines, found.proven) == (28, 28)
    bundle = unpacked(tmp_path / "a.zip")
    assert verdict(bundle)[0] == 0
    assert "segment 1 was removed by retention on 2025-12-01" in (bundle / "report.html").read_text()


def test_lines_of_a_segment_that_was_tampered_with_are_not_proven(folder: Path, tmp_path: Path) -> None:
    """They are in the archive, marked, and the report says what was found."""
    (folder / name(2, ".leaves")).write_bytes(b"x" * 32)
    found = export(JOB, tmp_path / "a.zip", folder)
    assert (found.lines, found.proven) == (42, 28)
    bundle = unpacked(tmp_path / "a.zip")
    code, told = verdict(bundle)
    assert (code, told[1]) == (0, "  not proven: lines.jsonl:15")
    assert "not the hashes of the lines that were sealed" in (bundle / "report.html").read_text()


def test_who_signed_stands_in_the_report(folder: Path, tmp_path: Path) -> None:
    """The signature is checked with the public key."""
    private, _ = make_key(tmp_path / "key")
    export(JOB, tmp_path / "a.zip", folder, key=private)
    bundle = unpacked(tmp_path / "a.zip")
    key = json.loads((bundle / "checkpoint.json").read_bytes())["key"]
    assert f"signed by the key {key}" in (bundle / "report.html").read_text()


HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x>'\"&\x1b[31m\u202eabc\u200b]]>"


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.add(tag)
        self.attributes |= {each for each, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_folder(place: Path) -> tuple[Path, str]:
    """Return a log whose every text is hostile, with a gap and a torn line, and its job."""
    maker = RunMaker(1, START_NS, HOSTILE, step_id=HOSTILE)
    maker.job_id = "JOB-" + HOSTILE
    maker.begin(HOSTILE, HOSTILE).fail(HOSTILE)
    events = [encode(event) for event in maker.events]
    gap = json.loads(events[3]) | {
        "gap": {"events": 3, "since": "2025-11-26T07:15:00Z", "until": HOSTILE, "reason": HOSTILE}
    }
    events[3] = json.dumps(gap, ensure_ascii=False).encode()
    folder = folder_of(place, [b"\n".join([*events[:5], events[5][:400], *events[6:]]) + b"\n"], b"")
    seal(folder, grace=0)
    return folder, maker.job_id


def test_the_report_shows_every_text_as_text(tmp_path: Path) -> None:
    """No script, nothing loaded, nothing hidden: whatever the log holds."""
    folder, job_id = hostile_folder(tmp_path)
    export(job_id, tmp_path / "a.zip", folder)
    text = (unpacked(tmp_path / "a.zip") / "report.html").read_text()
    page = Page(text)
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td",
                         "br", "span"}  # fmt: skip
    assert page.attributes <= {"lang", "charset", "http-equiv", "content", "class"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    shown = "".join(page.texts)
    assert "<script>alert(1)</script><img src=http://evil.example/x>'\"&\\x1b[31m\\u202eabc\\u200b]]>" in shown
    assert "3 events from 2025-11-26T07:15:00Z to <script>" in shown


def test_the_report_tells_of_runs_seals_and_gaps(bundle: Path) -> None:
    """Each run with its result, each file with its seal."""
    texts = Page((bundle / "report.html").read_text()).texts
    assert "6 runs: 3 failed, 3 success" in texts
    runs = {decode(line).pattern_run_id for number in range(3) for line in some_lines(number).splitlines()}
    assert runs <= set(texts)
    assert "not sealed; the checkpoint holds its root" in texts
    assert sum(text.startswith("sealed at ") for text in texts) == 2


def test_a_job_of_any_name_is_a_file_name(tmp_path: Path) -> None:
    """An id is data, never a path."""
    maker = RunMaker(1)
    maker.job_id = "../../up"
    folder = folder_of(tmp_path, [lines(maker.begin().succeed().events)], b"")
    seal(folder, grace=0)
    export("../../up", tmp_path / "a.zip", folder)
    assert unpacked(tmp_path / "a.zip").name == "audit-%2e2e2f2e2e2f7570"
