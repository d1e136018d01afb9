"""`run.command`: a tool as a child process, watched to its end."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from patternspan import current_run, job, pattern_span, step
from recorded import problems, short, told

PYTHON = sys.executable
NAME = os.path.basename(PYTHON)


def _script(text: str) -> list[str]:
    return [PYTHON, "-c", text]


def _alive(pid: int) -> bool:
    """Say whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _gone(pid: int) -> bool:
    end = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not _alive(pid)


def test_a_tools_output_is_kept_counted_and_shown(root: Path, written: Any, spans: Any) -> None:
    """Its logs have all of it, its result the text, the event the counts and previews, its span the exit code."""
    code = "import sys; print('out 1'); print('out 2'); sys.stderr.write('err, no newline')"
    with pattern_span("PAT-CMD-001", operation_kind="scan") as run:
        result = run.command(_script(code))
    assert (result.exit_code, result.ok, result.stdout, result.stderr) == (0, True, "out 1\nout 2\n", "err, no newline")
    assert (result.stdout_lines, result.stderr_lines) == (2, 1)
    assert Path(result.stdout_log) == root / "logs" / run.run_id / "stdout.log"
    assert Path(result.stdout_log).read_text() == "out 1\nout 2\n"
    assert Path(result.stderr_log).read_text() == "err, no newline"
    started, completed = told(written())
    assert started[2]["executor"] == "subprocess"
    assert started[2]["command"].startswith(f"{PYTHON} -c 'import sys")
    assert completed[2] == {
        "exit_code": 0,
        "result_summary": {},
        "artifacts": [],
        "stdout_lines": 2,
        "stderr_lines": 1,
        "tool_name": os.path.basename(PYTHON),
        "stdout_preview": "out 1\nout 2\n",
        "stderr_preview": "err, no newline",
    }
    assert problems(written()) == []
    tool, _phase, whole = spans()
    assert (tool.name, tool.kind.name, tool.attributes["process.exit.code"], tool.status.is_unset) == (
        os.path.basename(PYTHON),
        "CLIENT",
        0,
        True,
    )
    assert tool.context.trace_id == whole.context.trace_id


@pytest.mark.parametrize(
    ("code", "success_codes", "said", "status"),
    [
        (3, (0,), None, "failed"),
        (3, (0, 3), None, "success"),
        (3, (0,), 0, "success"),
        (0, (1,), None, "success"),
        (0, (0,), 4, "failed"),
    ],
)
def test_an_exit_code_decides_unless_told_otherwise(
    root: Path, written: Any, code: int, success_codes: tuple[int, ...], said: int | None, status: str
) -> None:
    """Codes in `success_codes` are no failure; what the executor says himself counts more."""
    with pattern_span("PAT-CMD-002") as run:
        result = run.command(
            _script(f"import sys; sys.stderr.write('a\\nbad rule\\n'); sys.exit({code})"), success_codes=success_codes
        )
        if said is not None:
            run.result(exit_code=said)
    assert (result.exit_code, result.ok) == (code, code in success_codes)
    assert written()[-1].status == status
    if said is None and status == "failed":
        assert told(written())[-1][2]["error_message"] == f"{NAME}: exit code 3: bad rule"
    assert problems(written()) == []


def test_the_first_tool_that_failed_is_the_one_told_of(root: Path, written: Any) -> None:
    """Later tools do not hide it, and its command is in the events."""
    with pattern_span("PAT-CMD-003") as run:
        run.command(["true"])
        run.command(["sh", "-c", "exit 7"])
        run.command(["false"])
    first, last = told(written())
    assert first[2]["command"] == "true"
    assert (last[2]["exit_code"], last[2]["tool_name"], last[2]["command"]) == (7, "sh", "sh -c 'exit 7'")
    assert problems(written()) == []


def test_a_tool_that_is_not_there_fails_as_any_code_does(root: Path, written: Any, spans: Any) -> None:
    """FileNotFoundError reaches the caller; the run has started and failed."""
    with pytest.raises(FileNotFoundError), pattern_span("PAT-CMD-004") as run:
        run.command(["no-such-tool-anywhere", "--x"])
    assert short(written()) == [("execution.started", "in_progress"), ("execution.failed", "failed")]
    assert written()[-1].details["error_type"] == "FileNotFoundError"
    assert {span.name: span.status.is_ok for span in spans()} == {
        "no-such-tool-anywhere": False,
        "pattern.execution": False,
        "pattern.run PAT-CMD-004": False,
    }


@pytest.mark.parametrize("wrong", [[], ["a\0b"]], ids=["empty", "NUL"])
def test_a_command_that_is_none_is_refused(root: Path, written: Any, wrong: list[str]) -> None:
    """A ValueError, as from subprocess."""
    with pytest.raises(ValueError), pattern_span("PAT-CMD-005") as run:  # noqa: PT011
        run.command(wrong)
    assert written()[-1].status == "failed"


def test_a_tool_that_a_signal_ended_says_which(root: Path, written: Any) -> None:
    """The exit code is the negative number of the signal."""
    with pattern_span("PAT-CMD-006") as run:
        result = run.command(_script("import os; os.kill(os.getpid(), 9)"))
    assert result.exit_code == -9
    assert told(written())[-1][2]["error_message"] == f"{NAME}: ended by SIGKILL"
    assert problems(written()) == []


def test_a_timeout_ends_the_whole_process_group(root: Path, written: Any, tmp_path: Path) -> None:
    """Children of the tool end too, also one that ignores SIGTERM; what was written until then is kept."""
    code = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time, signal; signal.signal(15, 1); time.sleep(60)"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
print("before", flush=True)
time.sleep(60)
"""
    with pytest.raises(subprocess.TimeoutExpired) as caught, pattern_span("PAT-CMD-007") as run:
        run.command(_script(code), timeout=1)
    assert caught.value.timeout == 1
    assert caught.value.stdout == b"before\n"
    assert [_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split()] == [True, True]
    last = written()[-1].details
    assert (last["error_type"], last["result"], last["stdout_preview"]) == (
        "subprocess.TimeoutExpired",
        "timeout",
        "before\n",
    )
    assert written()[0].details["timeout_seconds"] == 1
    assert problems(written()) == []


def test_a_grandchild_that_holds_the_pipe_does_not_hold_the_run(root: Path, written: Any, tmp_path: Path) -> None:
    """The tool has ended: its run ends, though a process that it left behind may still write."""
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
print("done")
"""
    began = time.monotonic()
    with pattern_span("PAT-CMD-008") as run:
        result = run.command(_script(code), timeout=25)
    assert (result.exit_code, result.stdout) == (0, "done\n")
    assert time.monotonic() - began < 20
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_output_of_many_megabytes_on_both_streams_does_not_block(root: Path, written: Any) -> None:
    """All of it is in the logs, the beginning in the result, little in the event."""
    code = """
import sys
for _ in range(200):
    sys.stdout.write(("x" * 99 + "\\n") * 200)
    sys.stderr.write(("y" * 99 + "\\n") * 100)
"""
    with pattern_span("PAT-CMD-009") as run:
        result = run.command(_script(code), keep=1000)
    assert (result.stdout_lines, result.stderr_lines) == (40_000, 20_000)
    assert (len(result.stdout), len(result.stderr)) == (1000, 1000)
    assert os.path.getsize(result.stdout_log) == 4_000_000
    assert os.path.getsize(result.stderr_log) == 2_000_000
    assert len(written()[-1].to_json()) < 10_000


def test_output_that_is_no_text_is_kept_as_it_is(root: Path, written: Any) -> None:
    """The log has the bytes, the preview marks what is no UTF-8."""
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)))"
    with pattern_span("PAT-CMD-010") as run:
        result = run.command(_script(code))
    assert Path(result.stdout_log).read_bytes() == bytes(range(256))
    assert "\ufffd" in written()[-1].details["stdout_preview"]
    assert problems(written()) == []


def test_output_is_in_the_log_while_the_tool_runs(root: Path, written: Any, tmp_path: Path) -> None:
    """A person may follow it; `execution.started` stands from the beginning."""
    flag = tmp_path / "go"
    code = f"""
import os, time
print("first", flush=True)
while not os.path.exists({str(flag)!r}): time.sleep(0.01)
"""
    seen = []

    def watch() -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and not seen:
            for log in root.glob("logs/*/stdout.log"):
                seen.extend([short(written())] if log.read_text() == "first\n" else [])
            time.sleep(0.01)
        flag.touch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    with pattern_span("PAT-CMD-011") as run:
        run.command(_script(code), timeout=30)
    watcher.join()
    assert seen == [[("execution.started", "in_progress")]]


def test_a_tool_sees_environment_folder_input_and_trace(root: Path, tmp_path: Path) -> None:
    """`env` replaces the environment; the trace and the job are added to it; stdin is empty unless given."""
    code = "import os, sys; print(sorted(os.environ)); print(os.getcwd()); print(repr(sys.stdin.read()))"
    folder = tmp_path / "folder"
    folder.mkdir()
    with job("JOB-ONE"), step("STEP-003"), pattern_span("PAT-CMD-012") as run:
        result = run.command([Path(PYTHON), "-I", "-c", code], env={"ONLY": "1"}, cwd=folder)
        with open(PYTHON, "rb") as file:
            given = run.command(["head", "-c", "4"], stdin=file)
    names, place, text = result.stdout.splitlines()
    assert [name for name in eval(names) if not name.startswith("LC_")] == ["BAGGAGE", "ONLY", "TRACEPARENT"]
    assert (place, text) == (str(folder), "''")
    assert len(given.stdout) == 4
    assert "TRACEPARENT" not in os.environ


def test_an_interrupt_ends_the_tool(python: Any, tmp_path: Path) -> None:
    """KeyboardInterrupt reaches the caller, the tool does not outlive it, the run is a cancellation."""
    done = python(
        """
        import os, signal, threading, time
        from patternspan import pattern_span

        def interrupt():
            end = time.monotonic() + 20
            while not os.path.exists("pid") and time.monotonic() < end: time.sleep(0.01)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            with pattern_span("PAT-CMD-013") as run:
                run.command(["sh", "-c", "echo $$ > pid; sleep 60"])
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert done.stdout == "interrupted\n"
    assert _gone(int((tmp_path / "pid").read_text()))
    text = (tmp_path / "state/events/pattern_events.jsonl").read_text()
    assert '"error_type":"KeyboardInterrupt"' in text
    assert '"result":"cancellation"' in text


def test_a_run_that_is_cancelled_by_sigterm_handlers_exit_ends_the_tool(python: Any, tmp_path: Path) -> None:
    """A handler that raises SystemExit is how many services end."""
    done = python(
        """
        import os, signal, sys, threading, time
        from patternspan import pattern_span
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        def end():
            while not os.path.exists("pid"): time.sleep(0.01)
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=end).start()
        with pattern_span("PAT-CMD-014") as run:
            run.command(["sh", "-c", "echo $$ > pid; sleep 60"])
        """,
        check=False,
    )
    assert done.returncode == 5
    assert _gone(int((tmp_path / "pid").read_text()))
    assert '"exit_code":5' in (tmp_path / "state/events/pattern_events.jsonl").read_text()


def test_echo_needs_no_real_stdout(root: Path, written: Any) -> None:
    """Where stdout is replaced by something without bytes, the tool runs all the same."""
    with redirect_stdout(io.StringIO()), pattern_span("PAT-CMD-015") as run:
        assert run.command(["echo", "hello"], echo=True).stdout == "hello\n"


def test_echo_passes_the_output_on(python: Any) -> None:
    """Both streams, as the tool wrote them."""
    done = python(
        """
        from patternspan import pattern_span
        with pattern_span("PAT-CMD-016") as run:
            run.command(["sh", "-c", "echo out; echo err >&2"], echo=True)
        """
    )
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_commands_of_threads_at_once_keep_apart(root: Path, written: Any) -> None:
    """Each run has its own logs."""
    from concurrent.futures import ThreadPoolExecutor

    @pattern_span("PAT-CMD-017")
    def work(number: int) -> str:
        return current_run().command(["sh", "-c", f"echo {number}"]).stdout

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(12))) == [f"{number}\n" for number in range(12)]
    assert len(list(root.glob("logs/*/stdout.log"))) == 12
