"""What the two commands that record, `demo` and `exec`, have in common."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from patternspan.cli.options import settings
from patternspan.errors import ConfigError
from patternspan.layout import global_log
from patternspan.setup import configure

if TYPE_CHECKING:
    from patternspan.config import Config


def record_here(**options: Any) -> Config:
    """Configure recording by the options of the command that is running, and return what is in force.

    Raises ConfigError where `--events-dir` names a folder that no root has its logs in.
    """
    place = settings().place()
    if os.path.abspath(place.log) != os.path.abspath(global_log(place.root)):
        raise ConfigError(
            f"--events-dir {settings().events_dir}: what records writes to events/ below a root; give --root DIR"
        )
    return configure(root=place.root, **options)


def root_option() -> str:
    """Return what a suggested command needs to read where this one wrote; empty where it needs nothing."""
    from shlex import quote

    given = settings()
    if given.root is None and given.events_dir is None:
        return ""
    return f" --root {quote(given.place().root)}"


def flush_stdout() -> None:
    """Write out what is buffered; where its reader has gone, forget it."""
    from patternspan.cli.group import silence_stdout

    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
