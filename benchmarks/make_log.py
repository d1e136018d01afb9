"""Make a log of pattern events for the reading benchmarks, the same bytes for the same arguments.

    python benchmarks/make_log.py FILE [--events 1000000] [--seed 1]

Runs of seven events with details that make lines of about 470 bytes, twenty runs a job, in time order and ending at a
fixed moment unless `--end` names another (RFC 3339, or `now`).
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import BinaryIO

from patternspan.model.event import PatternEvent
from patternspan.model.ids import instant, timestamp, ulid_text
from patternspan.model.wire import encode

STEP_NS = 20_000_000
PATTERNS = [f"PAT-{name}-{number:03d}" for name in ("SEMGRP", "PYTEST", "RUFF", "REFACT") for number in range(1, 6)]
DETAILS = (
    ("pattern.selection.started", "in_progress"),
    ("pattern.selection.resolved", "in_progress"),
    ("pattern.template.expanded", "in_progress"),
    ("pattern.validation.started", "in_progress"),
    ("pattern.validation.completed", "in_progress"),
    ("pattern.execution.started", "in_progress"),
    ("pattern.execution.completed", "success"),
)


def details_of(kind: str, pattern: str, rng: random.Random) -> dict[str, object]:
    target = f"src/service_{rng.randrange(1000):03d}"
    return {
        "pattern.selection.started": {
            "operation_kind": "static_analysis",
            "candidate_patterns": [pattern, "PAT-SEMGRP-002"],
            "context": {"tool": "semgrep", "language": "python"},
        },
        "pattern.selection.resolved": {
            "pattern_id": pattern,
            "selection_method": "auto",
            "inputs_preview": {"target": target, "rules": "p/ci", "severity": "WARNING"},
        },
        "pattern.template.expanded": {
            "variables_resolved": 5,
            "generated_artifacts": ["semgrep.yaml"],
            "template_version": "1.2.0",
            "command_preview": f"semgrep --config p/ci --json --output report.json {target}",
        },
        "pattern.validation.started": {
            "validation_type": "preconditions",
            "checks": ["tool_installed", "target_exists", "rules_available", "disk_space"],
        },
        "pattern.validation.completed": {
            "checks_passed": 4,
            "checks_failed": 0,
            "validation_type": "preconditions",
            "warnings": [],
        },
        "pattern.execution.started": {
            "executor": "subprocess",
            "command": f"semgrep --config p/ci --json --output report.json {target}",
            "working_dir": "/srv/build/service",
            "timeout_seconds": 300,
        },
        "pattern.execution.completed": {
            "exit_code": 0,
            "duration_seconds": round(rng.uniform(0.5, 60), 3),
            "result_summary": {"finding_count": rng.randrange(40), "files_scanned": rng.randrange(1, 900)},
            "artifacts": ["report.json"],
            "stdout_lines": rng.randrange(200),
            "stderr_lines": 0,
        },
    }[kind]


def write_log(file: BinaryIO, events: int, seed: int, end_ns: int) -> tuple[str, str]:
    """Write the log; return a run id and a job id from its middle."""
    rng = random.Random(seed)
    now = end_ns - events * STEP_NS
    job_id = run_id = ""
    middle = ("", "")
    pattern = PATTERNS[0]
    trace_id = span_id = ""
    for number in range(events):
        phase = number % 7
        now += STEP_NS
        milliseconds = (now // 1_000_000) << 80
        if phase == 0:
            if number // 7 % 20 == 0:
                job_id = "JOB-" + ulid_text(milliseconds | rng.getrandbits(80))
            run_id = "PRUN-" + ulid_text(milliseconds | rng.getrandbits(80))
            pattern = rng.choice(PATTERNS)
            trace_id, span_id = f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(64):016x}"
            if number <= events // 2:
                middle = (run_id, job_id)
        kind, status = DETAILS[phase]
        event = PatternEvent(
            "EVT-" + ulid_text(milliseconds | rng.getrandbits(80)), kind, timestamp(now), job_id,
            f"STEP-{number // 7 % 20:03d}", run_id, pattern, status, details_of(kind, pattern, rng), trace_id, span_id,
        )  # fmt: skip
        file.write(encode(event) + b"\n")
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--end", default="2026-01-01T00:00:00Z")
    options = parser.parse_args()
    end_ns = time.time_ns() if options.end == "now" else instant(options.end)
    options.file.parent.mkdir(parents=True, exist_ok=True)
    with options.file.open("wb") as file:
        run_id, job_id = write_log(file, options.events, options.seed, end_ns)
    print(f"{options.file}: {options.file.stat().st_size:,} bytes; in the middle {run_id} of {job_id}")


if __name__ == "__main__":
    main()
