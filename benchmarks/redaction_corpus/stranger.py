"""As if by somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from redaction_corpus.case import Case


def stranger(seed: int = 99) -> Iterator[Case]:
    """Yield the cases."""
    yield from ()
