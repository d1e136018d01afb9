"""Running commands in tests, and the files that hold what they should show."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from patternspan.cli import main

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def calm(monkeypatch, tmp_path):
    """Run in an empty folder, in UTC, with no settings around."""
    for name in list(os.environ):
        if name.startswith(("PATTERNSPAN_", "OTEL_")) or name in {
            "NO_COLOR",
            "FORCE_COLOR",
            "PAGER",
            "COLUMNS",
            "LINES",
        }:
            monkeypatch.delenv(name)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)


def process(*arguments, stdin=b"", **more):
    """Return the same of a command in a process of its own, which has a real standard input."""
    command = [sys.executable, "-m", "patternspan", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def run(*arguments):
    """Return the exit code, the standard output and the standard error of a command."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def log(folder, data):
    """Write the global log under a folder's `state` and return its path."""
    path = Path(folder) / "state" / "events" / "pattern_events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def matches_golden(name, text):
    """Say whether a screen is the one in its golden file; UPDATE_GOLDEN=1 writes the file anew."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    return path.read_text() == text
