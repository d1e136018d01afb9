"""`patternspan serve` as a person starts it, rightly and wrongly."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from served import Server, append, some_runs


def failed(*words: str) -> tuple[int, str]:
    """Return what a server that does not start says."""
    command = [sys.executable, "-m", "patternspan", "serve", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_it_says_where_it_is_and_ends_quietly(serve: Callable[..., Server], place: Path) -> None:
    """With one line, and nothing when the interrupt key is pressed."""
    append(place, *some_runs(3))
    server = serve()
    assert server.told == f"http://127.0.0.1:{server.port}/  (Ctrl-C ends it)\n"
    assert len(httpx2.get(f"{server.url}/api/pattern-runs").json()["runs"]) == 3
    assert server.stop() == 0
    assert server.process.stderr is not None
    assert server.process.stderr.read() == ""
    assert (place / "patternspan.db").is_file()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, told = failed("--root", str(tmp_path), "--port", str(port))
    said = f"--host 127.0.0.1 --port {port}: Address already in use; another port: --port 0"
    assert (code, told) == (2, f"patternspan: {said}\n")


def test_an_address_that_is_none_is_said(tmp_path: Path) -> None:
    """As the system says it."""
    code, told = failed("--root", str(tmp_path), "--host", "no.such.host.invalid")
    assert code == 2
    assert told.startswith("patternspan: --host no.such.host.invalid --port 8321: ")


def test_a_store_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """Before anything is served."""
    (tmp_path / "patternspan.db").write_text("no database at all")
    code, told = failed("--root", str(tmp_path), "--port", "0")
    assert code != 0
    assert "it is no SQLite database: name another, or remove it" in told
    assert "Traceback" not in told


def test_without_the_extra_the_door_names_it(python: Any) -> None:
    """With the line that installs it."""
    script = """
        import sys

        sys.modules["fastapi"] = None
        from patternspan.cli import main

        main(["serve"])
        """
    done = python(script, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "patternspan: serving needs an extra: pip install 'patternspan[server]'\n",
    )
