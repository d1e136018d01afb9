"""`patternspan validate` and its two elder names."""

import json

import pytest
from screens import calm, process, run  # noqa: F401

from logs import good_run, lines
from patternspan.model.fold import fold

EVENTS = good_run()
RUN = fold(EVENTS)


def broken(**members):
    """Return the first event's line with other members."""
    return json.dumps({**EVENTS[0].to_dict(), **members})


def write(folder, text):
    path = folder / "x.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_valid_lines(tmp_path):
    """Lines that conform are counted, and nothing is said on standard output."""
    path = write(tmp_path, lines(EVENTS) + RUN.to_json().encode() + b"\n\n")
    assert run("validate", path) == (0, "", "8 objects, all valid\n")


def test_each_problem_has_its_place(tmp_path):
    """Each broken rule is a line with file, line, place in the object, and rule."""
    text = (
        broken() + "\n" + broken(status="great", job_id=5) + "\n{]\n" + broken(details={"operation_kind": "x"}) + "\n"
    )
    path = write(tmp_path, text)
    code, out, err = run("validate", path)
    assert (code, err) == (4, "4 objects, 3 of them not valid: 4 problems\n")
    assert [line.split(" is wanted")[0].removeprefix(f"{path}:") for line in out.splitlines()] == [
        "2: job_id: JOB- and a ULID",
        "2: status: one of in_progress, success, failed, warning, skipped",
        out.splitlines()[2].removeprefix(f"{path}:"),
        "4: details.candidate_patterns: an array",
    ]
    assert out.splitlines()[2].startswith(f"{path}:3: not JSON: ")


def test_lenient_takes_what_readers_take(tmp_path):
    """--lenient takes foreign ids and details with members left out."""
    path = write(tmp_path, broken(job_id="JOB-TEST-001", details={}))
    assert run("validate", path)[0] == 4
    assert run("validate", "--lenient", path) == (0, "", "1 object, all valid\n")


@pytest.mark.parametrize(
    ("command", "text", "code"),
    [
        (["validate"], lines(EVENTS[:1]), 0),
        (["validate"], json.dumps(EVENTS[0].to_dict(), indent=2).encode(), 0),
        (["validate"], b"\xef\xbb\xbf" + json.dumps(RUN.to_dict(), indent=2).encode(), 0),
        (["validate-pattern-event"], json.dumps(EVENTS[0].to_dict(), indent=2).encode(), 0),
        (["validate-pattern-run"], json.dumps(RUN.to_dict(), indent=2).encode(), 0),
        (["validate-pattern-event"], json.dumps(RUN.to_dict()).encode(), 4),
        (["validate", "--kind", "run"], lines(EVENTS[:1]), 4),
        (["validate"], b"", 4),
        (["validate"], b'{\n  "a": \n', 4),
        (["validate"], b"\xff\xfe\x00", 4),
    ],
)
def test_standard_input(command, text, code):
    """Without a file standard input is read: JSON lines, or one object on several lines."""
    found, out, err = process(*command, stdin=text)
    assert found == code
    assert "Traceback" not in out + err
    assert bool(out) == (code == 4 and bool(text))


def test_a_missing_file(tmp_path):
    """A file that is not there is exit code 3."""
    assert run("validate", "none.json") == (3, "", "none.json: no such file\n")
