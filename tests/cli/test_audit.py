"""`patternspan audit`: what the commands print, their exit codes, and that no output is written over."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from screens import calm, run  # noqa: F401

from logs import START_NS, failed_run, good_run, lines
from patternspan import checkpoint, verify

EVENTS = "state/events"
PARTS = [lines(good_run(number, START_NS + number * 10**10)) for number in range(1, 4)]
EVENT = good_run(1, START_NS + 10**10)[2].event_id
JOB = good_run()[0].job_id


@pytest.fixture
def folder(calm, tmp_path):  # noqa: F811
    """Two closed segments and a live log in the current folder, as paths from there."""
    folder = Path(EVENTS)
    folder.mkdir(parents=True)
    for number, data in enumerate(PARTS[:2], 1):
        (folder / f"pattern_events.{number:08d}.jsonl").write_bytes(data)
    (folder / "pattern_events.jsonl").write_bytes(PARTS[2])
    return folder


@pytest.fixture
def sealed(folder):
    """The same, sealed."""
    assert run("audit", "seal", "--grace", 0)[0] == 0
    return folder


def test_seal_says_what_it_sealed(folder):
    """One line a segment; what is too young waits; a second call has nothing to do."""
    assert run("audit", "seal", "--grace", 1000) == (
        0, "nothing to seal\n2 segments closed less than a few seconds ago: not yet\n", ""
    )  # fmt: skip
    code, out, err = run("audit", "seal", "--grace", 0)
    assert (code, err) == (0, "")
    assert [line.split(", root")[0] for line in out.splitlines()] == [
        f"sealed pattern_events.{number:08d}.jsonl: 7 lines, {len(PARTS[number - 1]):,} bytes" for number in (1, 2)
    ]
    assert run("audit", "seal", "--grace", 0) == (0, "nothing to seal\n", "")


def test_seal_exits_with_4_where_it_cannot(sealed):
    """And says why."""
    (sealed / "pattern_events.00000001.manifest.json").unlink()
    code, out, _ = run("audit", "seal", "--grace", 0)
    assert code == 4
    assert "not sealed: later segments are, so its manifest was taken away" in out


def test_verify(sealed):
    """0 and a summary where all is well; 4 and the line where it is not."""
    code, out, err = run("audit", "verify")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"2 segments as sealed: 14 lines, {len(PARTS[0] + PARTS[1]):,} bytes",
        "7 lines since the last seal are not sealed",
        "ok",
    ]
    path = sealed / "pattern_events.00000001.jsonl"
    path.write_bytes(b"".join(PARTS[0].splitlines(True)[:4]))
    code, out, _ = run("audit", "verify")
    assert code == 4
    before = good_run(1, START_NS + 10**10)[3].event_id
    assert out.splitlines()[0] == f"CUT OFF  {path}:5: cut off: 3 lines at the end, from line 5 on, after {before}"
    assert out.splitlines()[-1] == "not ok: 1 problem"


def test_verify_as_json(sealed):
    """One object with all findings."""
    (sealed / "pattern_events.00000001.leaves").unlink()
    code, out, _ = run("audit", "verify", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["segments"], found["unsealed_lines"]) == (4, False, 2, 7)
    assert found["problems"] == [
        {
            "kind": "leaves",
            "path": str(sealed / "pattern_events.00000001.leaves"),
            "line": 0,
            "event_id": "",
            "text": "missing: the hashes of the lines",
        }
    ]


def test_checkpoint_and_verify(sealed):
    """To standard output or a new file; a cut-off end is exit code 4."""
    code, out, err = run("audit", "checkpoint", "--origin", "here")
    assert (code, err, json.loads(out)["origin"]) == (0, "", "here")
    code, out, err = run("audit", "checkpoint", "-o", "kept.json")
    assert (code, out) == (0, "")
    assert "2 sealed segments, 21 lines" in err
    assert run("audit", "verify", "--checkpoint", "kept.json")[0] == 0
    assert run("audit", "checkpoint", "-o", "kept.json")[::2] == (
        2, "patternspan: kept.json: there already; it is not overwritten\n"
    )  # fmt: skip
    (sealed / "pattern_events.jsonl").write_bytes(b"")
    assert run("audit", "verify")[0] == 0
    code, out, _ = run("audit", "verify", "--checkpoint", "kept.json")
    assert (code, out.split("  ")[0]) == (4, "CUT OFF")


def test_keys(sealed):
    """A signature is checked against the public key; a key is never overwritten."""
    assert run("audit", "keygen", "my.key") == (
        0, "my.key: private key, for those who make checkpoints\nmy.key.pub: public key, for everybody\n", ""
    )  # fmt: skip
    assert run("audit", "keygen", "my.key")[0] == 2
    assert run("audit", "keygen", "other.key")[0] == 0
    assert run("audit", "checkpoint", "--key", "my.key", "-o", "kept.json")[0] == 0
    assert run("audit", "verify", "--checkpoint", "kept.json", "--key", "my.key.pub")[0] == 0
    assert run("audit", "verify", "--checkpoint", "kept.json", "--key", "other.key.pub")[0] == 4
    assert run("audit", "verify-proof", "kept.json", "--key", "my.key.pub")[:2] == (
        0, "the checkpoint is signed by the key in my.key.pub\nok: the checkpoint is whole\n"
    )  # fmt: skip
    assert run("audit", "verify-proof", "kept.json", "--key", "other.key.pub")[0] == 4


def test_prove_and_verify_proof(sealed):
    """A proof is checked without the log, and one that was changed is not read."""
    assert run("audit", "checkpoint", "-o", "kept.json")[0] == 0
    code, out, err = run("audit", "prove", EVENT, "--checkpoint", "kept.json", "-o", "proof.json")
    assert (code, out) == (0, "")
    assert err.startswith(f"proof.json: {EVENT}, line 3 of pattern_events.00000001.jsonl, up to the checkpoint of ")
    sealed.rename("elsewhere")
    assert run("audit", "verify-proof", "proof.json", "--checkpoint", "kept.json") == (
        0, f"the checkpoint is not signed\nok: {EVENT} is in the log that the checkpoint saw\n", ""
    )  # fmt: skip
    Path("proof.json").write_text(Path("proof.json").read_text().replace("semgrep.yaml", "semgrep.yml"))
    assert run("audit", "verify-proof", "proof.json") == (
        4, "", "patternspan: proof.json: altered: its digest is not that of its members\n"
    )  # fmt: skip


def test_export(sealed):
    """Under the job's name where none is given."""
    code, out, err = run("audit", "export", "--job", JOB)
    assert (code, err) == (0, "")
    assert out.startswith(f"audit-{JOB}.zip: 21 lines, 21 of them proven\nsha256 ")
    assert Path(f"audit-{JOB}.zip").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["verify", "--key", "x"], 2),
        (["verify", "--checkpoint", "none"], 3),
        (["prove", "EVT-NONE"], 3),
        (["prove", EVENT, "--checkpoint", "none", "--key", "x"], 2),
        (["verify-proof", "none"], 3),
        (["export"], 2),
        (["export", "--job", "JOB-NONE"], 3),
        (["export", "--job", JOB, "-o", "x.rar"], 2),
        (["checkpoint", "--key", "none"], 3),
        (["seal", "--grace", "-1"], 2),
        (["nonsense"], 2),
    ],
)
def test_what_goes_wrong_has_its_exit_code(sealed, arguments, code):
    """2 usage, 3 not found; a line, never a traceback."""
    found, out, err = run("audit", *arguments)
    assert (found, out) == (code, "")
    assert err != ""
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["seal", "verify", "checkpoint", "export"])
def test_where_nothing_was_recorded(calm, command):  # noqa: F811
    """Exit code 3, and what to do."""
    more = ["--job", JOB] if command == "export" else []
    code, out, err = run("audit", command, *more)
    assert (code, out) == (3, "")
    assert err.startswith("patternspan: state/events: no log here yet\n")


def test_the_events_dir_before_and_after_the_command(sealed, tmp_path):
    """As everywhere."""
    sealed.rename("elsewhere")
    first = run("--events-dir", "elsewhere", "audit", "verify")
    assert (
        first
        == run("audit", "verify", "--events-dir", "elsewhere")
        == run("audit", "--events-dir", "elsewhere", "verify")
    )
    assert first[0] == 0


def test_without_cryptography_the_error_names_the_line_that_installs_it(sealed, monkeypatch):
    """Exit code 1, and only where a signature is wanted."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    assert run("audit", "keygen", "my.key") == (
        1,
        "",
        "patternspan: signatures need the `cryptography` package: python -m pip install 'patternspan[audit]'\n",
    )
    assert run("audit", "checkpoint", "-o", "kept.json")[0] == 0


def test_what_is_in_a_log_cannot_steer_the_terminal(sealed):
    """Names in findings are made visible."""
    path = sealed / "pattern_events.00000001.jsonl"
    path.write_bytes(PARTS[0] + b'{"event_id":"\x1b[31m\xe2\x80\xae"}\n')
    code, out, _ = run("audit", "verify")
    assert code == 4
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_the_functions_are_those_of_the_commands(sealed):
    """Public names give values."""
    kept = checkpoint(sealed)
    assert (kept.segments, verify(sealed, checkpoint=kept).ok) == (2, True)
    with (sealed / "pattern_events.jsonl").open("ab") as file:
        file.write(lines(failed_run(9)))
    assert verify(sealed, checkpoint=kept).unsealed_lines == 14
