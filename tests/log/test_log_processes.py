"""Whether the process of a run still lives."""

import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from patternspan import procfs
from patternspan.log.processes import Processes
from patternspan.model.process import Process


def of(pid):
    """Return the process that now has this number."""
    return Process(procfs.host(), pid, f"{procfs.boot()}-{procfs.start_ticks(pid)}", procfs.namespace())


@pytest.fixture
def child():
    """Return a child that lives until it is killed, and is then waited for at the end only."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_process_lives_until_it_is_killed(child):
    """One that lives is alive; killed it is gone, whether or not its parent has waited for it."""
    process = of(child.pid)
    assert Processes().state(process) == "alive"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Processes().state(process) == "gone"
    child.wait()
    assert Processes().state(process) == "gone"


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "alive"),
        ({"start": f"{procfs.boot()}-1"}, "gone"),
        ({"start": "00000000-1"}, "gone"),
        ({"host": "elsewhere"}, "unknown"),
        ({"namespace": 1}, "unknown"),
        ({"namespace": None}, "alive"),
        ({"start": ""}, "unknown"),
        ({"start": "", "namespace": None}, "unknown"),
        ({"pid": (1 << 31) - 1}, "gone"),
        ({"pid": (1 << 31) - 1, "start": "", "namespace": None}, "gone"),
    ],
    ids=str,
)
def test_what_can_be_known_from_here(changed, state):
    """Another start or boot is another process; another host or namespace cannot be looked into."""
    assert Processes().state(replace(of(os.getpid()), **changed)) == state


def test_a_run_without_a_process_is_unknown():
    """Logs of other writers name none."""
    assert Processes().state(None) == "unknown"
