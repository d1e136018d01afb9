"""What answers look like, for OpenAPI alone: answers are written by msgspec, and not checked against these."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_EVENT: dict[str, Any] = {
    "event_id": "EVT-01KAZG8AZ80000000300000000",
    "event_type": "pattern.execution.completed",
    "timestamp": "2025-11-26T07:15:30.123456Z",
    "job_id": "JOB-01KAZG8AZ80000000000000000",
    "step_id": "STEP-003",
    "pattern_run_id": "PRUN-01KAZG8AZ80000000100000000",
    "pattern_id": "PAT-SEMGREP-001",
    "status": "success",
    "details": {"exit_code": 0, "duration_seconds": 18.7, "result_summary": {"findings": 12}, "artifacts": []},
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "span_id": "b7ad6b7169203331",
}
_RUN: dict[str, Any] = {
    "pattern_run_id": "PRUN-01KAZG8AZ80000000100000000",
    "pattern_id": "PAT-SEMGREP-001",
    "job_id": "JOB-01KAZG8AZ80000000000000000",
    "step_id": "STEP-003",
    "pattern_version": "2.1.0",
    "operation_kind": "security_scan",
    "status": "success",
    "started_at": "2025-11-26T07:15:11.400000Z",
    "finished_at": "2025-11-26T07:15:30.123456Z",
    "duration_seconds": 18.723456,
    "inputs": {"path": "src"},
    "outputs": {"findings": 12, "exit_code": 0, "duration_seconds": 18.7},
    "artifacts": ["report.json"],
    "events": ["EVT-01KAZG8AZ80000000200000000", "EVT-01KAZG8AZ80000000300000000"],
    "metrics": {"execution_ms": 18700.0},
    "tool_metadata": {"executor": "subprocess", "command": "semgrep --config auto src"},
    "error": None,
}
_PERCENTILES: dict[str, Any] = {"count": 3, "p50": 18.7, "p95": 20.1, "p99": 20.1}
_STATISTICS: dict[str, Any] = {
    "runs": 4,
    "open": 1,
    "results": {"success": 3},
    "rate": {"success": 1.0, "low": 0.438, "high": 1.0},
    "durations": {"run": _PERCENTILES, "execution": _PERCENTILES},
}
_JOB: dict[str, Any] = {
    "job_id": "JOB-01KAZG8AZ80000000000000000",
    "runs": 4,
    "open": 1,
    "results": {"success": 3},
    "started_at": "2025-11-26T07:15:11.400000Z",
    "last_event_at": "2025-11-26T07:16:02.000000Z",
    "total_seconds": 57.2,
}


def _shown(example: dict[str, Any], **more: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [{**example, **more}]})


class Error(BaseModel):
    """Why there is no answer."""

    model_config = _shown({"error": "Pattern run not found"})
    error: str


class Event(BaseModel):
    """One event, as its line in the log has it: see `pattern_event.v1.json`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EVENT]})
    event_id: str
    event_type: str
    timestamp: str
    job_id: str
    step_id: str | None
    pattern_run_id: str
    pattern_id: str
    status: str
    details: dict[str, Any]


class Run(BaseModel):
    """One run, folded from its events: see `pattern_run.v1.json`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_RUN]})
    pattern_run_id: str
    pattern_id: str
    job_id: str
    step_id: str | None
    pattern_version: str | None
    operation_kind: str
    status: str
    started_at: str | None
    finished_at: str | None
    duration_seconds: float | None
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    artifacts: list[str]
    events: list[str]
    metrics: dict[str, float]
    tool_metadata: dict[str, str]
    error: dict[str, Any] | None


class Events(BaseModel):
    """A page of events, by timestamp."""

    model_config = _shown({"events": [_EVENT], "cursor": None, "last_event_id": _EVENT["event_id"]})
    events: list[Event]
    cursor: str | None = Field(description="What to give as `after` for the next page; null behind the last one.")
    last_event_id: str | None = Field(description="The newest event there was: what a stream may go on behind.")


class Runs(BaseModel):
    """A page of runs, the newest first."""

    model_config = _shown({"runs": [_RUN], "abandoned": [], "cursor": None, "last_event_id": _EVENT["event_id"]})
    runs: list[Run]
    abandoned: list[str] = Field(description="The ids of those on this page that have no end and cannot get one.")
    cursor: str | None = Field(description="What to give as `cursor` for the next page; null behind the last one.")
    last_event_id: str | None = Field(description="The newest event there was: what a stream may go on behind.")


class Job(BaseModel):
    """All runs of a job in a few values."""

    model_config = _shown(_JOB)
    job_id: str
    runs: int
    open: int
    results: dict[str, int]
    started_at: str
    last_event_at: str
    total_seconds: float


class Jobs(BaseModel):
    """A page of jobs, those that began last at first."""

    model_config = _shown({"jobs": [_JOB], "cursor": None, "last_event_id": _EVENT["event_id"]})
    jobs: list[Job]
    cursor: str | None
    last_event_id: str | None


class Percentiles(BaseModel):
    """Nearest-rank percentiles of one kind of duration, in seconds, to three significant digits."""

    model_config = _shown(_PERCENTILES)
    count: int
    p50: float
    p95: float
    p99: float


class Rate(BaseModel):
    """Successes among the runs that ended and were not skipped, with Wilson's interval of 95 %."""

    success: float
    low: float
    high: float


class Statistics(BaseModel):
    """Of many runs: counts by result, rate of success, durations by phase."""

    model_config = _shown(_STATISTICS)
    runs: int
    open: int
    results: dict[str, int]
    rate: Rate | None
    durations: dict[str, Percentiles]


class Summary(BaseModel):
    """A job: its figures, and those of each of its patterns."""

    model_config = _shown({"job": _JOB, "statistics": _STATISTICS, "patterns": {"PAT-SEMGREP-001": _STATISTICS}})
    job: Job
    statistics: Statistics
    patterns: dict[str, Statistics]


class Patterns(BaseModel):
    """Statistics by pattern."""

    model_config = _shown({"patterns": {"PAT-SEMGREP-001": _STATISTICS}})
    patterns: dict[str, Statistics]


class Recent(BaseModel):
    """One of the last runs of a pattern."""

    pattern_run_id: str
    status: str
    started_at: str | None
    duration_seconds: float | None


class Pattern(BaseModel):
    """One pattern: its statistics, and its last runs, the newest first."""

    model_config = _shown({
        "pattern_id": "PAT-SEMGREP-001", "statistics": _STATISTICS,
        "recent": [{
            "pattern_run_id": _RUN["pattern_run_id"], "status": "success", "started_at": _RUN["started_at"],
            "duration_seconds": 18.723456,
        }],
    })  # fmt: skip
    pattern_id: str
    statistics: Statistics
    recent: list[Recent]


class Difference(BaseModel):
    """One thing that differs; a run that has it not has no value here."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"name": "status", "one": "failed", "other": "success"}]}
    )
    name: str


class Diff(BaseModel):
    """Two runs side by side."""

    model_config = _shown({
        "one": "PRUN-01KAZG8AZ80000000100000000", "other": "PRUN-01KAZG8AZ80000000400000000",
        "differences": [{"name": "status", "one": "failed", "other": "success"}],
    })  # fmt: skip
    one: str
    other: str
    differences: list[Difference]


class Health(BaseModel):
    """Whether the store is up to date with the log."""

    model_config = _shown({"status": "ok", "error": ""})
    status: str
    error: str


EVENT_EXAMPLE = _EVENT
