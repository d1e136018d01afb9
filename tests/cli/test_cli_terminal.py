"""Commands on a real terminal, in real pipes, and on a log that grows."""

import os
import pty
import select
import signal
import subprocess
import sys

import pytest
from screens import calm, log, process  # noqa: F401

from logs import SECOND, START_NS, failed_run, good_run, lines

COMMAND = [sys.executable, "-m", "patternspan"]


def on_terminal(*arguments, **environment):
    """Return the exit code of a command and all that it wrote to its terminal of 80 by 24."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({"TERM": "xterm", "COLUMNS": "80", "LINES": "24", **environment})
        os.execv(COMMAND[0], [*COMMAND, *map(str, arguments)])
    text = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text.decode().replace("\r\n", "\n")


def test_a_terminal_has_colour_and_a_pipe_has_none(tmp_path):
    """Colour is for terminals: not for pipes, not with NO_COLOR or --no-color; FORCE_COLOR and --color bring it."""
    log(tmp_path, lines(failed_run()[-1:]))
    assert "\x1b[31mfailed" in on_terminal("events")[1]
    assert "\x1b[" not in on_terminal("events", NO_COLOR="1")[1]
    assert "\x1b[" not in on_terminal("events", "--no-color", FORCE_COLOR="1")[1]
    assert "\x1b[" not in on_terminal("events", TERM="dumb")[1]
    assert "\x1b[" not in process("events")[1]
    assert "\x1b[31mfailed" in process("events", env={**os.environ, "FORCE_COLOR": "1"})[1]
    assert "\x1b[31mfailed" in process("events", "--color", env={**os.environ, "NO_COLOR": "1"})[1]


def test_the_pager_is_for_what_is_longer_than_the_screen(tmp_path):
    """A pager runs only where the screen is too small, and gets every line."""
    log(tmp_path, lines(good_run()))
    pager = "sed 's/^/paged: /'"
    assert "paged: " not in on_terminal("events", PATTERNSPAN_PAGER=pager)[1]
    log(tmp_path, lines([event for number in range(9) for event in good_run(number)]))
    code, out = on_terminal("events", PATTERNSPAN_PAGER=pager)
    assert (code, out.count("paged: ")) == (0, 64)
    assert "paged: " not in on_terminal("events", PATTERNSPAN_PAGER="", PAGER=pager)[1]
    assert "paged: " not in process("events", env={**os.environ, "PATTERNSPAN_PAGER": pager})[1]


def test_a_pager_may_be_left_early(tmp_path):
    """A pager that ends before the last line is no error."""
    log(tmp_path, lines([event for number in range(999) for event in good_run(number)]))
    code, out = on_terminal("events", PATTERNSPAN_PAGER="head -n 3")
    assert (code, len(out.splitlines())) == (0, 3)


def test_json_on_a_terminal_is_harmless(tmp_path):
    """Raw control characters of a log do not reach a terminal through --json."""
    log(tmp_path, lines(failed_run()[-1:]).replace(b"CommandFailed", "\x9b\u202e".encode()))
    out = on_terminal("events", "--json")[1]
    assert "\\u009b\\u202e" in out


def test_the_table_fits_the_screen(tmp_path):
    """No line of the table is wider than the terminal."""
    log(tmp_path, lines(failed_run() + good_run()))
    out = on_terminal("runs", "--no-color")[1]
    assert max(map(len, out.splitlines())) <= 80
    assert out.splitlines()[0].split() == ["RUN", "PATTERN", "STATUS", "STARTED", "TIME", "RESULT"]


def test_a_closed_pipe_ends_quietly(tmp_path):
    """A reader that leaves early, such as head, causes no message."""
    path = log(tmp_path, lines([event for number in range(3000) for event in good_run(number)]))
    line = f"{sys.executable} -m patternspan events -i {path} {{}} | head -n 1"
    for option in ("", "--json"):
        done = subprocess.run(["sh", "-c", line.format(option)], capture_output=True)
        assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


@pytest.fixture
def follower():
    """Start `events --follow`; whatever is still running at the end of the test is ended."""
    children = []

    def start(*arguments):
        command = [*COMMAND, "events", "--follow", *arguments]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def read_lines(child, count):
    found = []
    while len(found) < count:
        assert select.select([child.stdout], [], [], 30)[0], found
        found.append(child.stdout.readline())
    return b"".join(found)


def ended(child):
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    return child.returncode, out, err


def test_following_a_log_from_before_it_is_there(tmp_path, follower):
    """--follow waits for a log, shows each event as it is written, and ends at Ctrl-C with 130 and no traceback."""
    child = follower("--json")
    assert child.stderr.readline() == b"state/events/pattern_events.jsonl: no log here yet; waiting for it\n"
    path = log(tmp_path, b"")
    for events in (good_run()[:1], good_run()[1:], failed_run()):
        with open(path, "ab") as file:
            file.write(lines(events))
        assert read_lines(child, len(events)) == lines(events)
    path.rename(tmp_path / "old")
    path.write_bytes(lines(failed_run(9)))
    assert read_lines(child, 7) == lines(failed_run(9))
    code, out, err = ended(child)
    assert (code, out, err.strip()) == (130, b"", b"")


def test_following_begins_with_the_newest(tmp_path, follower):
    """--follow begins with the newest ten events that match; filters hold for the new ones too."""
    path = log(tmp_path, lines(good_run(1) + failed_run(2) + good_run(3)))
    child = follower("--json", "--pattern-id", "PAT-SEMGRP-001")
    assert read_lines(child, 10) == lines((failed_run(2) + good_run(3))[-10:])
    with open(path, "ab") as file:
        file.write(lines(good_run(4, pattern_id="PAT-OTHER-001") + failed_run(5)))
    assert read_lines(child, 7) == lines(failed_run(5))
    assert ended(child)[0] == 130


def test_following_a_run_until_it_ends(tmp_path):
    """`run --follow` shows the events of a run as they come, then the run; its exit status is the run's."""
    events = failed_run(7, START_NS + SECOND)
    path = log(tmp_path, lines(events[:-1] + good_run()))
    arguments = ["run", "--follow", "--exit-status", events[0].pattern_run_id]
    child = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(path, "ab") as file:
        file.write(lines(events[-1:]))
    out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (1, b"")
    assert "✗ failed  PAT-SEMGRP-001" in out.decode()


@pytest.mark.parametrize("arguments", [["events"], ["runs"], ["--version"], ["events", "--job-id", "J"]])
def test_commands_load_what_they_use(tmp_path, arguments):
    """Reading loads neither rich, nor the SDK, nor grpc, nor another command."""
    log(tmp_path, lines(good_run()))
    script = (
        "import sys, atexit\n"
        "names = ('rich', 'grpc', 'ulid', 'asyncio', 'opentelemetry.sdk', "
        "         'patternspan.cli.demo', 'patternspan.cli.doctor')\n"
        "atexit.register(lambda: print([n for n in names if n in sys.modules], file=sys.stderr))\n"
        f"from patternspan.cli import main\nmain({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"[]\n")
