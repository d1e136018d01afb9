"""`patternspan exec`."""

import os
import pty
import signal
import sys

import pytest

from commands import brief, call, environment, recorded, start
from patternspan.model.conform import judge_event, judge_lifecycle
from patternspan.model.wire import decode_object, encode

BEGUN = [
    ("selection.started", "in_progress"),
    ("selection.resolved", "in_progress"),
    ("validation.started", "in_progress"),
    ("validation.completed", "in_progress"),
    ("execution.started", "in_progress"),
]


def script(text):
    """Return the arguments that run a piece of Python."""
    return ["exec", "--", sys.executable, "-c", text]


def test_output_and_exit_code_are_those_of_the_tool(tmp_path):
    """Bytes pass through as they are, on the stream that they were written to."""
    tool = "import sys; sys.stdout.buffer.write(b'\\xff\\0out'); sys.stderr.write('err\\n'); sys.exit(3)"
    process = start(tmp_path, *script(tool))
    out, err = process.communicate()

    assert (process.returncode, out, err) == (3, b"\xff\0out", b"err\n")


def test_the_phases_are_recorded(tmp_path):
    """A tool that works leaves a whole run, which conforms, named after the tool."""
    assert call(tmp_path, "exec", "--", "sh", "-c", "echo one; echo two")[0] == 0

    events = recorded(tmp_path)
    assert [brief(event) for event in events] == [*BEGUN, ("execution.completed", "success")]
    assert {event.pattern_id for event in events} == {"sh"}
    assert events[1].details["inputs_preview"] == {
        "command": "sh -c 'echo one; echo two'",
        "working_dir": str(tmp_path),
    }
    assert events[3].details["checks_passed"] == 2
    assert events[-1].details["stdout_lines"] == 2
    assert [judge_event(decode_object(encode(event))) for event in events] == [[]] * 6
    assert judge_lifecycle(events) == []


def test_options_name_the_run(tmp_path):
    """Pattern, kind of operation, job, step, timeout and root are those that were given."""
    job = "JOB-01KAZG87630EFMN1W0DXAAY139"
    options = ["--pattern-id", "PAT-TRUE-001", "--operation-kind", "nothing", "--job-id", job, "--step-id", "STEP-007"]
    assert call(tmp_path, "exec", "--root", "elsewhere", *options, "--timeout", "60", "true") == (0, "", "")

    events = recorded(tmp_path, "elsewhere")
    assert {(event.pattern_id, event.job_id, event.step_id) for event in events} == {("PAT-TRUE-001", job, "STEP-007")}
    assert events[0].details["operation_kind"] == "nothing"
    assert events[4].details["timeout_seconds"] == 60
    assert recorded(tmp_path) == []


def test_what_follows_the_tool_is_the_tools(tmp_path):
    """Options after the tool's name are not read here, with `--` or without."""
    told = call(tmp_path, "exec", "echo", "--root", "x", "-h", "--")
    assert told == (0, "--root x -h --\n", "")
    assert call(tmp_path, "exec", "--", "echo", "--root", "x", "-h", "--") == told


def test_standard_input_is_the_tools(tmp_path):
    """The tool reads what stands on standard input."""
    assert call(tmp_path, "exec", "cat", stdin=b"given") == (0, "given", "")


def test_the_start_is_in_the_log_while_the_tool_runs(tmp_path):
    """Each event is written when it happens, and output comes while the tool runs."""
    process = start(tmp_path, "exec", "--", "sh", "-c", "echo ready; read line; echo $line")
    assert process.stdout.readline() == b"ready\n"
    assert [brief(event) for event in recorded(tmp_path)] == BEGUN

    assert process.communicate(b"done\n") == (b"done\n", b"")
    assert brief(recorded(tmp_path)[-1]) == ("execution.completed", "success")


@pytest.mark.parametrize(
    ("tool", "code", "said", "check"),
    [
        ("no-such-tool", 127, "not found", "tool is found"),
        ("./no-such-tool", 127, "not found", "tool is found"),
        ("./plain", 126, "no executable file", "tool can be executed"),
        ("./folder", 126, "no executable file", "tool can be executed"),
    ],
)
def test_a_tool_that_is_not_there_fails_at_validation(tmp_path, tool, code, said, check):
    """The exit code is a shell's, and the run says which check failed."""
    (tmp_path / "plain").write_text("not to be executed")
    (tmp_path / "folder").mkdir()
    assert call(tmp_path, "exec", tool) == (code, "", f"patternspan exec: {tool}: {said}\n")

    last = recorded(tmp_path)[-1]
    assert brief(last) == ("validation.failed", "failed")
    assert [failed["check"] for failed in last.details["failed_checks"]] == [check]


def test_a_tool_that_cannot_be_started(tmp_path):
    """An executable file that the system refuses ends with 126, and the run says why."""
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x7fno program")
    tool.chmod(0o755)
    assert call(tmp_path, "exec", "./tool") == (
        126,
        "",
        "patternspan exec: ./tool: cannot be started: exec format error\n",
    )
    last = recorded(tmp_path)[-1]
    assert (brief(last), last.details["error_type"]) == (("execution.failed", "failed"), "OSError")


def test_a_tool_that_takes_too_long(tmp_path):
    """After its time the tool is ended, the exit code is 124 and the run says that it was a timeout."""
    code, out, err = call(tmp_path, "exec", "--timeout", "0.3", "--", "sh", "-c", "echo begun; sleep 60")
    assert (code, out, err) == (124, "begun\n", "patternspan exec: sh: ended after 300ms\n")
    details = recorded(tmp_path)[-1].details
    assert (details["result"], details["error_type"]) == ("timeout", "subprocess.TimeoutExpired")


def test_a_tool_that_a_signal_ended(tmp_path):
    """The exit code is 128 and the signal's number; the run holds the signal itself."""
    assert call(tmp_path, "exec", "--", "sh", "-c", "kill -KILL $$")[0] == 137
    assert recorded(tmp_path)[-1].details["exit_code"] == -9


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")])
def test_a_signal_ends_the_tool_and_closes_the_run(tmp_path, number, kind):
    """Ctrl-C and SIGTERM end the tool first; the run is cancelled, and the exit code says the signal."""
    process = start(tmp_path, "exec", "--", "sh", "-c", "echo $$; exec sleep 60")
    tool = int(process.stdout.readline())
    process.send_signal(number)
    process.communicate()

    assert process.returncode == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(tool, 0)
    details = recorded(tmp_path)[-1].details
    assert (details["result"], details["error_type"].rpartition(".")[2]) == ("cancellation", kind)


def test_a_reader_that_has_gone_ends_the_tool(tmp_path):
    """The tool meets a closed pipe as it would without anybody in between."""
    process = start(tmp_path, "exec", "yes")
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    process.stdin.close()

    assert process.stderr.read() == b""
    assert process.wait() == 128 + signal.SIGPIPE


def test_a_terminal_is_told_the_run(tmp_path):
    """Where a person looks at standard error, its last line says how to see the run; with --verbose anywhere."""
    controller, terminal = pty.openpty()
    process = start(tmp_path, "exec", "--verbose", "true")
    err = process.communicate()[1].decode()
    run_id = recorded(tmp_path)[0].pattern_run_id
    assert err == f"exit code 0: patternspan run {run_id}\n"

    import subprocess

    command = [sys.executable, "-m", "patternspan", "exec", "--root", "a b", "true"]
    subprocess.run(command, cwd=tmp_path, env=environment(), stderr=terminal, check=True)
    run_id = recorded(tmp_path, "a b")[0].pattern_run_id
    assert os.read(controller, 1000).decode() == f"exit code 0: patternspan run {run_id} --root 'a b'\r\n"


def test_a_log_that_cannot_be_written_does_not_stop_the_tool(tmp_path):
    """The tool runs, its output and exit code are its own, and one warning says what is wrong."""
    (tmp_path / "file").write_text("")
    code, out, err = call(tmp_path, "exec", "--root", "file", "--", "sh", "-c", "echo out; exit 5")
    assert (code, out) == (5, "out\n")
    assert "file/events/pattern_events.jsonl: ENOTDIR: Not a directory; 6 events are lost\n" in err


def test_secrets_in_the_command_do_not_reach_the_log(tmp_path):
    """What stands behind an option such as --token is withheld, wherever the command is shown."""
    call(tmp_path, "exec", "--timeout", "0.2", "--", "sh", "-c", "sleep 60", "--token", "hunter2-hunter2")
    assert "hunter2" not in (tmp_path / "state" / "events" / "pattern_events.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument"),
        (["--timeout", "0", "true"], "0 is no number of seconds above 0"),
        (["--timeout", "nan", "true"], "nan is no number of seconds above 0"),
        (["--pattern-id", " ", "true"], "a pattern id is a text"),
        (["--events-dir", "logs", "true"], "give --root DIR"),
    ],
)
def test_wrong_use(tmp_path, arguments, said):
    """Wrong use ends with 2 and a line that says what was wanted; nothing is run."""
    code, out, err = call(tmp_path, "exec", *arguments)
    assert (code, out, recorded(tmp_path)) == (2, "", [])
    assert said in err
    assert "Traceback" not in err
