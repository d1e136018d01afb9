"""Whether processes that are gone have left spans that no collector has accepted."""

from __future__ import annotations

from collections.abc import Iterator

from patternspan.aggregate.plain import counted
from patternspan.cli.finding import Finding
from patternspan.delivery import left_behind


def delivery(root: str) -> Iterator[Finding]:
    """Judge the ledgers below a root; nothing is said where all is sent."""
    left = left_behind(root)
    if left:
        endpoints = ", ".join(sorted({account.endpoint for account in left}))
        fact = f"{counted(len(left), 'program')} ended before all spans were accepted by {endpoints}"
        yield Finding("warn", "delivery", fact, "patternspan deliver sends the rest, to the endpoint configured here")
