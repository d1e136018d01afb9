"""Logs for tests: realistic runs, made of ids and times that are the same each time."""

from __future__ import annotations

from patternspan.model.event import PatternEvent
from patternspan.model.ids import timestamp
from patternspan.model.wire import encode

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

START_NS = 1_764_141_312_000_000_000
"""2025-11-26T07:15:12Z."""
SECOND = 1_000_000_000


def ulid(time_ns: int, number: int) -> str:
    """Return a ULID of this time whose random part is `number`."""
    value = (time_ns // 1_000_000) << 80 | number
    return "".join(_DIGITS[value >> shift & 31] for shift in range(125, -1, -5))


class RunMaker:
    """Makes the events of one run, one after the other."""

    def __init__(
        self,
        number: int = 1,
        start_ns: int = START_NS,
        pattern_id: str = "PAT-SEMGRP-001",
        job: int = 1,
        step_id: str | None = "STEP-001",
    ) -> None:
        self.number = number
        self.now_ns = start_ns
        self.run_id = "PRUN-" + ulid(start_ns, number << 40)
        self.job_id = "JOB-" + ulid(START_NS, job)
        self.pattern_id = pattern_id
        self.step_id = step_id
        self.events: list[PatternEvent] = []

    def add(self, kind: str, status: str = "in_progress", after: float = 0.01, **details: object) -> PatternEvent:
        """Append an event `after` so many seconds."""
        self.now_ns += int(after * SECOND)
        event = PatternEvent(
            event_id="EVT-" + ulid(self.now_ns, (self.number << 16) + len(self.events)),
            event_type="pattern." + kind,
            timestamp=timestamp(self.now_ns),
            job_id=self.job_id,
            step_id=self.step_id,
            pattern_run_id=self.run_id,
            pattern_id=self.pattern_id,
            status=status,
            details=dict(details),
        )
        self.events.append(event)
        return event

    def begin(self, operation: str = "security_scan", command: str = "semgrep scan --json src") -> RunMaker:
        """Append all phases up to the start of the execution."""
        inputs = {"path": "src", "rules": ["python", "secrets"]}
        self.add("selection.started", operation_kind=operation, candidate_patterns=[self.pattern_id, "PAT-X-002"])
        self.add("selection.resolved", pattern_id=self.pattern_id, selection_method="auto", inputs_preview=inputs)
        self.add("template.expanded", variables_resolved=3, generated_artifacts=["state/semgrep.yaml"])
        self.add("validation.started", after=0.002, validation_type="preconditions", checks=["tool", "path"])
        self.add("validation.completed", after=0.4, checks_passed=2, checks_failed=0)
        self.add("execution.started", executor="subprocess", command=command, timeout_seconds=60, tool_name="semgrep")
        return self

    def succeed(self, after: float = 18.7, **summary: object) -> RunMaker:
        """Append a good end."""
        self.add(
            "execution.completed",
            "success",
            after,
            exit_code=0,
            duration_seconds=after,
            result_summary=summary or {"finding_count": 12},
            artifacts=["state/findings.json"],
        )
        return self

    def fail(self, message: str = "semgrep ended with exit code 2", after: float = 2.5) -> RunMaker:
        """Append a bad end."""
        self.add(
            "execution.failed",
            "failed",
            after,
            exit_code=2,
            error_type="CommandFailed",
            error_message=message,
            duration_seconds=after,
            stderr_preview="reading rules\nrules/secrets.yaml:7: unknown key 'patern'\n",
        )
        return self


def good_run(number: int = 1, start_ns: int = START_NS, **more: object) -> list[PatternEvent]:
    """Return the seven events of a run that went well."""
    return RunMaker(number, start_ns, **more).begin().succeed().events


def failed_run(number: int = 2, start_ns: int = START_NS, **more: object) -> list[PatternEvent]:
    """Return the events of a run whose tool failed."""
    return RunMaker(number, start_ns, **more).begin().fail().events


def lines(events: list[PatternEvent]) -> bytes:
    """Return events as the text of a log."""
    return b"".join(encode(event) + b"\n" for event in events)
