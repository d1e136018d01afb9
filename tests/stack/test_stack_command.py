"""The command itself: up, status and down with the real programs; a folder of its own, so that it finds no other's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stack_answers import eventually, fetched

from stack_run import free_ports

HOME = Path(__file__).parents[2]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "stack"


@pytest.fixture
def command(programs: Path, place: Path) -> Iterator[Command]:
    """Run scripts/stack with the installed programs."""
    place.mkdir()
    for name in ("bin", "share", "installed.json"):
        (place / name).symlink_to(programs.parent / name)

    def run(*words: str, **variables: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, HOME / "scripts" / "stack", *words], capture_output=True, text=True, timeout=90,
            env={**os.environ, "PATTERNSPAN_STACK": str(place), "STACK_PORTS": "free", **variables},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    yield run
    run("down")


def lives(pid: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has waited for has no command line."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and path.read_bytes() != b""


def pids(place: Path) -> dict[str, int]:
    return dict(json.loads((place / "run" / "running.json").read_text())["pids"])


def test_up_status_and_down(command: Command, place: Path) -> None:
    """Up says where things listen once they do; a second one leaves them alone; down ends them."""
    assert command("status") == (3, "nothing was started; scripts/stack up\n", "")
    code, told, said = command("up")
    assert (code, said) == (0, "")
    jaeger = told.partition("Jaeger       ")[2].split()[0]
    assert fetched(f"{jaeger}/api/services")["errors"] is None
    first = pids(place)
    assert command("up") == (0, f"it runs already\n{told}", "")
    assert pids(place) == first
    assert command("status") == (0, "".join(f"{name:<12} runs, process {first[name]}\n" for name in first), "")
    assert command("down") == (0, "ended: jaeger, collector, prometheus\n", "")
    assert command("down") == (0, "nothing runs\n", "")
    assert not any(lives(pid) for pid in first.values())


def test_what_is_left_of_a_stack_is_ended(command: Command, place: Path) -> None:
    """One program has died: status says so, and neither down nor up loses the others."""
    assert command("up")[0] == 0
    first = pids(place)
    os.kill(first["jaeger"], signal.SIGKILL)
    assert eventually(lambda: command("status")[0] == 3)
    assert "jaeger       has ended\n" in command("status")[1]
    assert command("up")[0] == 0
    second = pids(place)
    assert not set(first.values()) & set(second.values())
    assert not any(lives(pid) for pid in first.values())
    os.kill(second["prometheus"], signal.SIGKILL)
    assert eventually(lambda: command("status")[0] == 3)
    assert command("down") == (0, "ended: jaeger, collector\n", "")


def test_the_process_of_somebody_else_is_left_alone(command: Command, place: Path) -> None:
    """After a restart of the machine a process id belongs to another program."""
    with subprocess.Popen(["sleep", "60"]) as other:
        (place / "run").mkdir()
        kept = {"folder": str(place / "run"), "ports": {}, "pids": {"jaeger": other.pid}}
        (place / "run" / "running.json").write_text(json.dumps(kept))
        assert command("down") == (0, "nothing runs\n", "")
        assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none(command: Command, port: str) -> None:
    """The variable is named."""
    assert command("up", STACK_PORTS="", HEALTH_PORT=port) == (
        1, "", f"scripts/stack: HEALTH_PORT='{port}': a port is wanted, 1 to 65535\n",
    )  # fmt: skip


def test_a_port_that_is_taken(command: Command) -> None:
    """Nothing is started, or the answers of what listens there would be taken for the program's."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ports = {name: str(free) for name, free in free_ports().items()} | {"JAEGER_QUERY_PORT": str(port)}
        advice = "give JAEGER_QUERY_PORT another, or all with STACK_PORTS=free"
        code, out, said = command("up", STACK_PORTS="", **ports)
        assert (code, out, said) == (1, "", f"scripts/stack: port {port}: Address already in use; {advice}\n")
    assert command("status")[0] == 3


def test_without_the_programs(tmp_path: Path) -> None:
    """The next step is named."""
    done = subprocess.run(
        [sys.executable, HOME / "scripts" / "stack", "up"], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PATTERNSPAN_STACK": str(tmp_path)},
    )  # fmt: skip
    missing = "otelcol, jaeger, prometheus, compose-spec.json"
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", f"scripts/stack: not installed: {missing}; run scripts/stack install\n",
    )  # fmt: skip
