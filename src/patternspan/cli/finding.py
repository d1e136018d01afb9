"""One line of the doctor's report."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What was looked at, what is so, and what to do about it."""

    verdict: str
    """`ok`, `warn` or `fail`."""
    subject: str
    fact: str
    next_step: str = ""
