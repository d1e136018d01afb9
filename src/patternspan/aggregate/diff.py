"""Two runs side by side: what differs between them, member by member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from patternspan.aggregate.facts import PHASES
from patternspan.model.run import PatternRun

_MEMBERS: Final = ("status", "pattern_id", "pattern_version", "operation_kind", "job_id", "step_id")
_METRICS: Final = dict(
    zip(PHASES[1:], ("selection_ms", "template_expansion_ms", "validation_ms", "execution_ms"), strict=True)
)


class Pair(msgspec.Struct, frozen=True):
    """One thing in two runs; what a run does not have is unset."""

    name: str
    """Such as `status`, `error.message`, `inputs.path` or `seconds.validation`."""
    one: Any | UnsetType = UNSET
    other: Any | UnsetType = UNSET

    @property
    def differs(self) -> bool:
        """Whether they are not the same; 1 and 1.0 are, true and 1 are not."""
        return self.one != self.other or isinstance(self.one, bool) is not isinstance(self.other, bool)


def compare(one: PatternRun, other: PatternRun) -> list[Pair]:
    """Return all that two runs have, in the order in which a person asks: what came of it, why, with what, how long.

    Objects are taken apart, to names with dots; lists are compared as they are, but for artifacts: each of them is
    there or not. Durations are in seconds, under `seconds.run` and `seconds.` and the name of a phase.
    """
    mine, theirs = dict(_named(one)), dict(_named(other))
    names = [*mine, *(name for name in theirs if name not in mine)]
    order = {part: at for at, part in enumerate(("", "error", "tool", "inputs", "outputs", "artifacts", "seconds"))}
    names.sort(key=lambda name: order[name.partition(".")[0] if "." in name else ""])
    return [Pair(name, mine.get(name, UNSET), theirs.get(name, UNSET)) for name in names]


def _named(run: PatternRun) -> Iterator[tuple[str, Any]]:
    for name in _MEMBERS:
        value = getattr(run, name)
        if value is not None:
            yield name, value
    yield from _flat("error", run.error or {})
    yield from _flat("tool", run.tool_metadata)
    yield from _flat("inputs", run.inputs)
    yield from _flat("outputs", {name: value for name, value in run.outputs.items() if name != "duration_seconds"})
    for path in run.artifacts:
        yield f"artifacts.{path}", True
    if run.duration_seconds is not None:
        yield "seconds.run", run.duration_seconds
    for phase, metric in _METRICS.items():
        if metric in run.metrics:
            yield f"seconds.{phase}", run.metrics[metric] / 1000


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and (value or "." not in name):
        for member, inner in value.items():
            yield from _flat(f"{name}.{member}", inner)
    else:
        yield name, value
