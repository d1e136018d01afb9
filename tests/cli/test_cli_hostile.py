"""Whatever a file holds, a command says what is wrong with it: no traceback, and nothing that steers a terminal."""

import json
import os
import pty
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from screens import calm, log, run  # noqa: F401

from logs import RunMaker, good_run, lines
from patternspan.config import load
from patternspan.errors import ConfigError
from patternspan.hidden import visible
from patternspan.model.wire import MAX_DEPTH

GOOD = good_run()
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egpj\u200b\u2028\U000e0041e" + "\u0301" * 40
COMMANDS = (
    ["events"],
    ["events", "--json"],
    ["events", "-n", "2"],
    ["runs"],
    ["runs", "--json"],
    ["run", GOOD[0].pattern_run_id],
    ["run", GOOD[0].pattern_run_id, "--events"],
    ["run", "P"],
    ["validate"],
    ["validate", "--kind", "run"],
    ["doctor"],
    ["recover", "--silent-for", "0s"],
)
FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)

NUMBERS = st.sampled_from(
    ["9" * 19, "9" * 309, "9" * 4300, "9" * 4301, "-" + "9" * 5000, "1e400", "1e-400", "-0", "1E5"]
)
DEPTHS = st.sampled_from([10, MAX_DEPTH - 3, MAX_DEPTH, MAX_DEPTH + 1, 1100, 20_000])
VALUES = st.one_of(
    NUMBERS,
    DEPTHS.map(lambda depth: "[" * depth + "]" * depth),
    DEPTHS.map(lambda depth: '{"a":' * depth + "1" + "}" * depth),
    st.text().map(json.dumps),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda one: st.lists(one)).map(json.dumps),
)
NAMES = st.sampled_from(
    ["command", "duration_seconds", "exit_code", "result_summary", "inputs_preview", "failed_checks", "metrics",
     "candidate_patterns", "artifacts", "generated_artifacts", "timeout_seconds", "process", "gap", "error"]
)  # fmt: skip


@st.composite
def texts(draw):
    """Return lines most of which are events, of the good run's ids, with anything in their details."""
    found = []
    for event in draw(st.lists(st.sampled_from(GOOD), max_size=6)):
        members = event.to_dict()
        details = draw(st.dictionaries(NAMES, VALUES, max_size=4))
        members["details"] = "@"
        inside = ",".join(f'"{key}":{value}' for key, value in details.items())
        text = json.dumps(members).replace('"@"', f"{{{inside}}}")
        gap = draw(st.none() | VALUES)
        text = text if gap is None else f'{text[:-1]},"gap":{gap}}}'
        found.append(text.encode("utf-8", "surrogatepass"))
        found += draw(st.lists(st.one_of(st.binary(max_size=40), VALUES.map(str.encode)), max_size=1))
    return b"\n".join(found)


@FUZZ
@given(st.one_of(st.binary(max_size=300), texts()), st.sampled_from(COMMANDS))
def test_no_file_makes_a_traceback(tmp_path, data, command):
    """Bytes, deep nesting, huge numbers: the command ends with an exit code of ours."""
    path = log(tmp_path, data)
    where = {"validate": [path], "doctor": [], "recover": []}.get(command[0], ["-i", path])
    code, _, err = run(*command, *where)
    assert code in {0, 3, 4}
    assert visible(err.replace("\n", "")) == err.replace("\n", "")


@FUZZ
@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda name, value: f"{name} = {value}\n".encode("utf-8", "replace"),
            st.sampled_from(["root", "enabled", "preview_chars", "max_value_chars" + ".a" * 3000, "x"]),
            st.one_of(VALUES, st.sampled_from(["0x" + "f" * 9000, "{a=" * 3000, "[" * 3000, "2020-01-01", "nan"])),
        ),
    )
)
def test_no_configuration_makes_a_traceback(tmp_path, data):
    """A file that cannot be the configuration is a usage error that names it; one that can be is taken."""
    (tmp_path / "patternspan.toml").write_bytes(data)
    told = ""
    try:
        load()
    except ConfigError as error:
        told = str(error)
    assert told.startswith(("patternspan.toml: ", "root: ") if told else "")
    assert run("runs")[0] == (2 if told else 3)


def test_too_deep_is_an_error_of_its_line(tmp_path):
    """A document nested deeper than the bound is refused, one within it is read."""

    def nested(depth):
        return b"[" * depth + b"]" * depth

    line = lines(GOOD[:1])
    path = log(tmp_path, line.replace(b'"details":{', b'"details":{"a":' + nested(MAX_DEPTH - 1) + b",")
               + line.replace(b'"details":{', b'"details":{"a":' + nested(MAX_DEPTH) + b","))  # fmt: skip
    told = f"{path.relative_to(tmp_path)}:2: not read: nested too deeply\n1 line could not be read\n"
    code, out, err = run("events")
    assert (code, len(out.splitlines()), err) == (0, 2, told)
    assert run("validate", path)[1].splitlines()[-1] == f"{path}:2: not read: nested too deeply"


def hostile_run():
    """Return a run whose every text is hostile."""
    maker = RunMaker(pattern_id="PAT-" + HOSTILE, step_id="STEP-" + HOSTILE)
    maker.add("selection.started", operation_kind=HOSTILE, candidate_patterns=[HOSTILE])
    begun = {"executor": HOSTILE, "command": HOSTILE, "tool_name": HOSTILE, "inputs_preview": {HOSTILE: HOSTILE}}
    maker.add("execution.started", **begun, process={"host": HOSTILE, "pid": 1}, generated_artifacts=[HOSTILE])
    ended = {"error_type": HOSTILE, "error_message": HOSTILE, "stderr_preview": HOSTILE}
    maker.add("execution.failed", HOSTILE, exit_code=1, **ended, result_summary={HOSTILE: [HOSTILE]})
    return maker.events


def on_a_terminal(arguments, folder):
    """Return what a command shows where both its outputs are a terminal."""
    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "patternspan", *arguments], cwd=folder, stdout=terminal, stderr=terminal,
        env={**os.environ, "PAGER": "", "COLUMNS": "100", "LINES": "60"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while True:
        try:
            data = os.read(controller, 1 << 16)
        except OSError:
            break
        if not data:
            break
        shown += data
    child.wait()
    os.close(controller)
    return shown.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "arguments",
    [["events"], ["events", "--json"], ["runs"], ["runs", "--json"], ["run", "P", "--events"], ["run", "P", "--json"],
     ["run", "P", "--follow"], ["validate", "state/events"], ["validate", "--lenient", "\x1b[2J.jsonl"], ["doctor"],
     ["recover", "--dry-run"]],
    ids=" ".join,
)  # fmt: skip
def test_nothing_in_a_log_steers_a_terminal(tmp_path, arguments):
    """On a terminal, all text of a log, of its bad lines and of the names of files is shown as text."""
    other = hostile_run()[0].to_dict() | {"pattern_run_id": "X-" + HOSTILE, "event_id": "EVT-other"}
    data = lines(hostile_run()) + HOSTILE.encode() + b"\n" + json.dumps(other, ensure_ascii=False).encode() + b"\n"
    path = log(tmp_path, data)
    path.with_name("\x1b[2J\u202e.jsonl").write_bytes(HOSTILE.encode())
    shown = on_a_terminal(["--no-color", *arguments], tmp_path)
    assert shown
    text = shown.replace("\r\n", "")
    assert visible(text) == text
