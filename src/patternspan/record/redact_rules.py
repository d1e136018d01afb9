"""Which rules are in force, the configured ones among them, and how often each kind of secret was found."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from patternspan.errors import ConfigError
from patternspan.record import secret_names

if TYPE_CHECKING:
    from patternspan.record.secret_shapes import Span


class Rules:
    """What is withheld beyond our own rules, and what stays whatever they say."""

    __slots__ = ("defaults", "keep", "patterns")

    def __init__(self, patterns: Iterable[str] = (), keep: Iterable[str] = (), *, defaults: bool = True) -> None:
        self.defaults = defaults
        """Whether our own rules hold."""
        self.patterns = tuple(_compiled("redact_patterns", pattern) for pattern in patterns)
        self.keep = tuple(_compiled("redact_keep", pattern) for pattern in keep)

    def further_spans(self, text: str) -> list[Span]:
        """Return what the configured expressions find; the first group of one, where it has some, is the secret."""
        found: list[Span] = []
        for pattern in self.patterns:
            group = 1 if pattern.groups else 0
            found += [(*match.span(group), "pattern") for match in pattern.finditer(text) if match[group]]
        return found

    def keeps(self, value: str) -> bool:
        """Say whether a value stays because the configuration says so."""
        return any(pattern.fullmatch(value) for pattern in self.keep)


class _InForce:
    """The rules of this process; one value, replaced whole."""

    rules: Rules = Rules()


in_force: Final = _InForce()
counts: Final[dict[str, int]] = {}
"""How often each kind was withheld in this process."""


def count(kind: str) -> str:
    """Count one withheld value and return its mark."""
    # Two threads may meet here and one of them not be counted: a lock would cost more than the figure is worth.
    counts[kind] = counts.get(kind, 0) + 1
    return f"[redacted:{kind}]"


def redaction_counts() -> dict[str, int]:
    """Return how many values were withheld in this process, by kind; a forked child begins at nothing."""
    return dict(sorted(counts.items()))


def use_rules(
    *, names: Iterable[str] = (), patterns: Iterable[str] = (), keep: Iterable[str] = (), defaults: bool = True
) -> None:
    """Put rules in force. Raises ConfigError that names an expression that is none."""
    kept = tuple(keep)
    rules = Rules(patterns, kept, defaults=defaults)
    secret_names.use(frozenset(names), frozenset(kept), defaults=defaults)
    in_force.rules = rules


def _compiled(option: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{option}: {pattern!r} is no regular expression: {error}") from None


os.register_at_fork(after_in_child=counts.clear)
