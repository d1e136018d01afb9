"""The command line. `main` is the group; each command's module is loaded when the command is used."""

from __future__ import annotations

from patternspan.cli.group import main

__all__ = ["main"]
