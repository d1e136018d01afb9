"""`patternspan runs` and `patternspan run`."""

import json
import subprocess
import sys

import pytest
from screens import calm, log, matches_golden, process, run  # noqa: F401

from logs import SECOND, START_NS, RunMaker, failed_run, good_run, lines
from patternspan.layout import run_archive, tool_log
from patternspan.model.fold import fold

GOOD = good_run()
FAILED = failed_run(2, START_NS + 60 * SECOND, pattern_id="PAT-PYTEST-001")
LATER = good_run(3, START_NS + 86400 * SECOND, pattern_id="PAT-RUFF-001", job=2)


def skipped_run():
    maker = RunMaker(4, START_NS + 120 * SECOND, "PAT-NPM-001")
    maker.add("validation.completed", "skipped", checks_passed=0, checks_failed=0, skip_reason="no package.json")
    return maker.events


def invalid_run():
    maker = RunMaker(5, START_NS + 180 * SECOND, "PAT-MYPY-001")
    maker.add("validation.started", validation_type="tool", checks=["mypy"])
    maker.add("validation.failed", "failed", failed_checks=[{"check": "tool", "error": "mypy is not installed"}])
    return maker.events


def test_the_table_of_runs(tmp_path):
    """Runs come one a line in aligned columns, the newest first."""
    log(tmp_path, lines(GOOD + FAILED + skipped_run() + invalid_run() + LATER))
    code, out, err = run("runs")
    assert (code, err) == (0, "")
    assert matches_golden("runs", out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [LATER, FAILED, GOOD]),
        (["--limit", "1"], [LATER]),
        (["--status", "failed"], [FAILED]),
        (["--status", "running"], []),
        (["--job-id", LATER[0].job_id], [LATER]),
        (["--pattern-id", "PAT-SEMGRP-001"], [GOOD]),
        (["--pattern-run-id", FAILED[0].pattern_run_id], [FAILED]),
        (["--since", "2025-11-26T07:15:13Z"], [LATER, FAILED]),
        (["--until", "2025-11-26T07:15:13Z"], [GOOD]),
    ],
)
def test_runs_as_json(tmp_path, arguments, expected):
    """With --json each run is what its events fold into; filters are about runs."""
    log(tmp_path, lines(GOOD + FAILED + LATER))
    text = "".join(fold(events).to_json() + "\n" for events in expected)
    assert run("runs", "--json", *arguments) == (0, text, "")


def test_events_out_of_order_make_the_same_runs(tmp_path):
    """A run whose events come after its end, or twice, is folded whole."""
    text = "".join(fold(events).to_json() + "\n" for events in (FAILED, GOOD))
    mixed = lines([*GOOD[3:], *FAILED, *GOOD[:3], *GOOD])
    log(tmp_path, mixed)
    assert run("runs", "--json") == (0, text, "")
    assert process("runs", "--json", "-i", "-", stdin=mixed) == (0, text, "")


def test_runs_with_foreign_ids_are_whole_since_a_time(tmp_path):
    """A run whose id does not tell its time is not cut in two by --since."""
    maker = RunMaker(6)
    maker.run_id = "run-6"
    maker.begin().succeed(3600)
    other = good_run(7, START_NS + 3000 * SECOND)
    log(tmp_path, lines(maker.events[:-1] + other + maker.events[-1:]))
    assert run("runs", "--json", "--since", "2025-11-26T08:00:00Z") == (0, fold(other).to_json() + "\n", "")


def test_a_good_run(tmp_path):
    """The screen of a run that went well shows its phases, inputs, outputs and artifacts."""
    log(tmp_path, lines(GOOD + FAILED))
    code, out, err = run("run", GOOD[0].pattern_run_id, "--exit-status")
    assert (code, err) == (0, "")
    assert matches_golden("run_success", out)


def test_a_failed_run(tmp_path):
    """The screen of a failed run begins with why it failed and the last lines of stderr; its logs are named."""
    log(tmp_path, lines(GOOD + FAILED))
    path = tmp_path / tool_log("state", FAILED[0].pattern_run_id, "stderr")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"line 0\n" * 9000 + b"collecting\x1b[31m\nE   assert 1 == 2\n\n1 failed\xff\n")
    code, out, err = run("run", FAILED[0].pattern_run_id, "--events")
    assert (code, err) == (0, "")
    assert matches_golden("run_failed", out)
    assert run("run", FAILED[0].pattern_run_id, "--exit-status")[0] == 1


def test_a_run_that_breaks_the_rules_is_shown(tmp_path):
    """A run with two ends and no start is shown, and what is wrong with it is said."""
    events = [GOOD[0], GOOD[-1], RunMaker(1).fail().events[0]]
    log(tmp_path, lines(events))
    code, out, _ = run("run", GOOD[0].pattern_run_id)
    assert code == 0
    assert matches_golden("run_problems", out)


@pytest.mark.parametrize("text", ["PRUN-01KAZG8A", "01kazg8a", "prun-01KAZG8A000000000", GOOD[0].pattern_run_id[5:]])
def test_the_beginning_of_an_id_is_enough(tmp_path, text):
    """A run is found by any beginning of its id that no other run has."""
    log(tmp_path, lines(GOOD + FAILED + LATER))
    assert run("run", text, "--json") == (0, fold(GOOD).to_json() + "\n", "")
    assert process("run", text, "--json", "-i", "-", stdin=lines(GOOD + LATER))[1] == fold(GOOD).to_json() + "\n"


def test_an_id_that_begins_others_is_still_itself(tmp_path):
    """A whole id is found though another one begins with it."""
    short, long = RunMaker(1), RunMaker(2)
    short.run_id, long.run_id = "PRUN-1", "PRUN-11"
    log(tmp_path, lines(short.begin().events + long.begin().events))
    assert json.loads(run("run", "PRUN-1", "--json")[1])["pattern_run_id"] == "PRUN-1"


def test_several_candidates_are_listed(tmp_path):
    """Where several runs begin so, they are listed and the exit code is 3."""
    log(tmp_path, lines(GOOD + FAILED + LATER))
    code, out, err = run("run", "01KA")
    assert (code, out) == (3, "")
    assert matches_golden("run_ambiguous", run("run", "01K")[2])
    assert "2 runs begin with it" in err


def test_an_unknown_run(tmp_path):
    """An id that no run has is exit code 3 with a next step."""
    log(tmp_path, lines(GOOD))
    assert run("run", "PRUN-X") == (
        3,
        "",
        "patternspan: PRUN-X: no run has this id, and none begins with it\n  All runs: patternspan runs\n",
    )


def test_a_run_with_its_events_as_json(tmp_path):
    """--json --events gives the lines of the run, in order."""
    log(tmp_path, lines(FAILED + GOOD[::-1]))
    assert run("run", GOOD[0].pattern_run_id, "--json", "--events")[1] == lines(GOOD).decode()


def test_an_archived_run_whose_events_are_gone(tmp_path):
    """A run that only the archive knows is shown from there."""
    log(tmp_path, lines(FAILED))
    folded = fold(GOOD)
    path = tmp_path / run_archive("state", folded.pattern_run_id, folded.started_at)
    path.parent.mkdir(parents=True)
    path.write_text(folded.to_json() + "\n")
    code, out, err = run("run", GOOD[0].pattern_run_id[:13], "--json")
    assert (code, out) == (0, folded.to_json() + "\n")
    assert err.endswith("its events are not in the log; this is the archived run\n")
    assert run("run", GOOD[0].pattern_run_id)[1].startswith("✓ success  PAT-SEMGRP-001")


def test_a_followed_run_that_has_ended_is_shown(tmp_path):
    """--follow of a run that has ended shows it at once."""
    log(tmp_path, lines(GOOD))
    assert run("run", "-f", GOOD[0].pattern_run_id) == run("run", GOOD[0].pattern_run_id)


def test_a_prefix_of_several_runs_shows_none_of_them(tmp_path):
    """An ambiguous beginning is told, also where just one of the runs was archived."""
    log(tmp_path, lines(GOOD + good_run(2)))
    archived = tmp_path / run_archive("state", GOOD[0].pattern_run_id, GOOD[0].timestamp)
    archived.parent.mkdir(parents=True)
    archived.write_text(fold(GOOD).to_json() + "\n")
    prefix = GOOD[0].pattern_run_id[:12]

    code, out, err = run("run", prefix)

    assert (code, out) == (3, "")
    assert "2 runs begin with it" in err


@pytest.mark.parametrize("command", ["events", "runs --json", "run {}"])
def test_a_full_disk_behind_stdout_is_one_line(tmp_path, command):
    """What cannot be written is an error with its reason, and no traceback."""
    log(tmp_path, lines(GOOD))
    words = command.format(GOOD[0].pattern_run_id).split()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "patternspan", *words], stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )

    assert (done.returncode, done.stderr) == (1, "patternspan: standard output: No space left on device\n")
