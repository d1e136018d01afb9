"""`patternspan events`."""

import pytest
from screens import calm, log, matches_golden, process, run  # noqa: F401

from logs import SECOND, START_NS, failed_run, good_run, lines
from patternspan.model.event import PatternEvent

GOOD, FAILED = good_run(), failed_run(2, START_NS + 60 * SECOND)
NEXT_DAY = good_run(3, START_NS + 86400 * SECOND, pattern_id="PAT-RUFF-001", job=2)


def test_the_timeline(tmp_path):
    """Events come one a line, the oldest first, below their date where it changes."""
    log(tmp_path, lines(GOOD + FAILED + NEXT_DAY))
    code, out, err = run("events")
    assert (code, err) == (0, "")
    assert matches_golden("events", out)


def test_colours_are_those_of_the_status(tmp_path):
    """With --color each status has its colour, before the command's name or after it."""
    log(tmp_path, lines(FAILED[-1:]))
    assert run("--color", "events") == run("events", "--color")
    assert matches_golden("events_color", run("events", "--color")[1])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--pattern-run-id", GOOD[0].pattern_run_id], GOOD),
        (["-r", GOOD[0].pattern_run_id[5:].lower()], GOOD),
        (["--job-id", NEXT_DAY[0].job_id], NEXT_DAY),
        (["--pattern-id", "PAT-RUFF-001", "--type", "execution.completed"], NEXT_DAY[-1:]),
        (["-t", "pattern.execution.failed", "-t", "execution.started", "-r", FAILED[0].pattern_run_id], FAILED[-2:]),
        (["--status", "failed"], FAILED[-1:]),
        (["--since", "2025-11-27"], NEXT_DAY),
        (["--until", "2025-11-26T07:16:00Z"], GOOD),
        (["--since", "2025-11-26T08:16:12+01:00", "--until", "2025-11-26T12:00"], FAILED),
        (["--limit", "2"], NEXT_DAY[-2:]),
        (["-n", "2", "--job-id", GOOD[0].job_id], FAILED[-2:]),
        (["--limit", "0"], []),
        (["--pattern-run-id", "PRUN-NONE"], []),
    ],
)
def test_filters(tmp_path, arguments, expected):
    """Filters leave the events asked for, as they stand in the log."""
    log(tmp_path, lines(GOOD + FAILED + NEXT_DAY))
    assert run("events", "--json", *arguments) == (0, lines(expected).decode(), "")


def test_json_is_what_stands_in_the_log(tmp_path):
    """With --json a line is given as it stands, spaces, unknown members and all."""
    text = lines(GOOD[:1]).replace(b'{"event_id"', b'{ "later" : "\\u00e9",  "event_id"')
    log(tmp_path, text)
    assert run("events", "--json") == (0, text.decode(), "")


def test_bad_lines_are_reported_and_counted(tmp_path):
    """What cannot be read is told on standard error with its place, and every good line still comes."""
    path = log(tmp_path, lines(GOOD[:1]) + b"\x1b[2J\n" + lines(GOOD[1:2]) + b'{"a":')
    code, out, err = run("events", "--json")
    assert (code, out) == (0, lines(GOOD[:2]).decode())
    name = path.relative_to(tmp_path)
    first, second, total = err.splitlines()
    assert first.startswith(f"{name}:2: not JSON: ")
    assert second == f"{name}:4: not JSON: the line is cut off"
    assert total == "2 lines could not be read"


def test_files_folders_and_standard_input(tmp_path):
    """--file reads a log, the logs of a folder, or standard input; what is missing is told."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(lines(GOOD))
    second.write_bytes(lines(FAILED))
    both = lines(GOOD + FAILED).decode()
    assert run("events", "--json", "-i", first, "-i", second) == (0, both, "")
    assert run("events", "--json", "-i", tmp_path) == (0, both, "")
    assert process("events", "--json", "-i", "-", stdin=both.encode()) == (0, both, "")
    newest = process("events", "--json", "-i", "-", "-n", "1", stdin=both.encode())
    assert newest == (0, lines(FAILED[-1:]).decode(), "")
    missing = "none.jsonl: no such file\n1 file could not be read\n"
    assert run("events", "--json", "-i", "none.jsonl", "-i", first) == (3, lines(GOOD).decode(), missing)
    assert run("runs", "-i", "none.jsonl") == (3, "", missing)
    assert run("run", GOOD[0].pattern_run_id, "-i", "none.jsonl", "-i", first)[::2] == (3, missing)


def test_an_event_that_was_written_twice_is_shown_once(tmp_path):
    """A line with an event id seen before is left out, and a limit is of the lines that are shown."""
    log(tmp_path, lines([*GOOD[:3], GOOD[2], *GOOD[3:], GOOD[-1], GOOD[-1]]))
    assert run("events", "--json") == (0, lines(GOOD).decode(), "")
    assert run("events", "--json", "-n", "2") == (0, lines(GOOD[-2:]).decode(), "")
    assert run("events", "--json", "-n", "6") == (0, lines(GOOD[1:]).decode(), "")
    assert run("events", "--json", "-n", "100") == (0, lines(GOOD).decode(), "")
    twice = lines([*GOOD, GOOD[-1]]).decode()
    assert process("events", "--json", "-i", "-", "-n", "1", stdin=twice.encode())[1] == lines(GOOD[-1:]).decode()


def test_rotated_logs_are_read_first(tmp_path):
    """Earlier logs beside the global one belong to it."""
    path = log(tmp_path, lines(NEXT_DAY))
    path.with_name(path.name + ".2").write_bytes(lines(GOOD))
    path.with_name(path.name + ".10").write_bytes(lines(FAILED[:1]))
    assert run("events", "--json")[1] == lines(FAILED[:1] + GOOD + NEXT_DAY).decode()


def test_where_the_log_is(tmp_path, monkeypatch):
    """--events-dir names the log's folder, --root its root, and a variable does where no option does."""
    log(tmp_path / "x", lines(GOOD[:1]))
    expected = (0, lines(GOOD[:1]).decode(), "")
    assert run("events", "--json", "--events-dir", "x/state/events") == expected
    assert run("--root", "x/state", "events", "--json") == expected
    monkeypatch.setenv("PATTERNSPAN_ROOT", "x/state")
    assert run("events", "--json") == expected
    assert run("events", "--json", "--root", "y")[0] == 3


def test_no_log_yet():
    """Without a log the command says where it looked and how to make one, and exits with 3."""
    code, out, err = run("events")
    assert (code, out) == (3, "")
    assert matches_golden("no_log", err)


def test_an_empty_log_is_no_error(tmp_path):
    """An empty log has no events."""
    log(tmp_path, b"")
    assert run("events") == (0, "", "")
    assert run("runs") == (0, "", "")


def test_data_cannot_steer_the_terminal(tmp_path):
    """Control characters in an event are written out."""
    event = PatternEvent("E", "\x1b]0;x\x07", GOOD[0].timestamp, "J", None, "R", "P\u202e", "s\x9b", {})
    log(tmp_path, lines([event]))
    assert run("events")[1] == "2025-11-26\n[07:15:12] P\\u202e \\x1b]0;x\\x07 → s\\x9b\n"


@pytest.mark.parametrize("arguments", [["--since", "soon"], ["--status", "great"], ["--limit", "-1"]])
def test_wrong_options_are_a_matter_of_usage(arguments):
    """A wrong option exits with 2 and says what may be given."""
    code, out, err = run("events", *arguments)
    assert (code, out) == (2, "")
    assert "Usage: " in err


def test_an_unknown_command_has_a_neighbour():
    """A mistyped command is answered with the one that is close."""
    code, _, err = run("event")
    assert code == 2
    assert "No such command 'event'. Did you mean events" in err


def test_a_wrong_configuration_is_told(monkeypatch):
    """A variable of a wrong type is named, with exit code 2."""
    monkeypatch.setenv("PATTERNSPAN_JSONL", "perhaps")
    assert run("events") == (2, "", "patternspan: PATTERNSPAN_JSONL='perhaps': true or false is wanted\n")
