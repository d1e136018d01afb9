"""Commands that record, run as processes of their own: recording changes the process that it is set up in."""

import os
import subprocess
import sys

from patternspan.log.reader import BadLine, read_all

PATTERNSPAN = [sys.executable, "-m", "patternspan"]


def environment(**more):
    """Return an environment without settings of anybody's."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PATTERNSPAN_", "OTEL_"))}
    for name in ("NO_COLOR", "FORCE_COLOR", "TRACEPARENT", "TRACESTATE", "BAGGAGE"):
        known.pop(name, None)
    return {**known, "TZ": "UTC", **more}


def start(folder, *arguments, **options):
    """Start a command in a folder and return its process, with pipes for all that it reads and writes."""
    env = environment(**options)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*PATTERNSPAN, *map(str, arguments)], cwd=folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe
    )


def call(folder, *arguments, stdin=b"", **options):
    """Return the exit code, the standard output and the standard error of a command."""
    process = start(folder, *arguments, **options)
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out.decode(), err.decode()


def recorded(folder, root="state"):
    """Return the events in the global log below a folder; none where there is no log."""
    path = os.path.join(folder, root, "events", "pattern_events.jsonl")
    if not os.path.exists(path):
        return []
    items = list(read_all(path))
    assert not [item for item in items if isinstance(item, BadLine)]
    return [item.event for item in items]


def brief(event):
    """Return the type of an event without its prefix, and its status."""
    return event.event_type.removeprefix("pattern."), event.status
