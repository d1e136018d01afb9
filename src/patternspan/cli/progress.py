"""One line on a terminal that says how far something is, where that takes a while."""

from __future__ import annotations

import sys
import time
from typing import Final

import click

from patternspan.cli.screen import is_terminal

_FIRST: Final = 1.0
_NEXT: Final = 0.2


class Progress:
    """A line on standard error; nothing where nobody sees it, and nothing within the first second."""

    def __init__(self) -> None:
        self._shows = is_terminal(sys.stderr)
        self._next = time.monotonic() + _FIRST
        self._is_there = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to say something."""
        return self._shows and time.monotonic() >= self._next

    def say(self, text: str) -> None:
        """Show a text in the place of the last one."""
        if self.is_due:
            self._next = time.monotonic() + _NEXT
            self._is_there = True
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._is_there:
            self._is_there = False
            click.echo("\r\x1b[K", nl=False, err=True)
