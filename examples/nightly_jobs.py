"""Ten jobs of a night: some three hundred runs with every result, to fill a log, Jaeger and dashboards with.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 python examples/nightly_jobs.py

Everything is decided by the number of the job and the step, so that each night is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from patternspan import configure, current_run, job, pattern_span, step

JOBS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
STEPS = 10


@pattern_span("PAT-SEMGRP-001", operation_kind="scan", pattern_version="2.1", attempt="auto")
def scan(number: int) -> dict[str, Any]:
    run = current_run()
    with run.selecting(["PAT-SEMGRP-001", "PAT-BANDIT-001"], context={"language": "python"}) as selection:
        selection.resolve("PAT-SEMGRP-001", inputs={"path": f"src/part{number}"})
    with run.expanding(template_version="2.1", variables={"path": f"src/part{number}"}) as expansion:
        expansion.command(["semgrep", "--config", "auto", f"src/part{number}"])
    with run.validating(checks=["tool is there", "path is there"]) as validation:
        validation.check("tool is there", True)
        validation.check("path is there", number % 7 != 5, "no such folder")
    with run.executing(command=f"semgrep src/part{number}"):
        if number % 7 == 3:
            run.command(["sh", "-c", "echo 'rule file is broken' >&2; exit 2"])
    return {"findings": number % 5}


@pattern_span("PAT-PYTEST-002", operation_kind="test", pattern_version="8.3", attempt="auto")
def test(number: int) -> dict[str, Any]:
    run = current_run()
    with run.executing(command="pytest"):
        if number % 9 == 4:
            raise AssertionError("2 tests failed")
        if number % 9 == 7:
            run.command(["sleep", "5"], timeout=0.05)
    if number % 4 == 1:
        run.warn("3 tests are slow")
    return {"passed": 40 + number, "failed": 0}


@pattern_span("PAT-FORMAT-003", operation_kind="refactoring", pattern_version="1.0")
async def reformat(number: int) -> dict[str, Any]:
    if number % 8 == 6:
        current_run().skip("nothing has changed")
        return {}
    if number % 8 == 2:
        raise asyncio.CancelledError
    await asyncio.sleep(0.001)
    return {"files_changed": number}


def main() -> None:
    configure(service_name="nightly")
    for night_job in range(JOBS):
        with job():
            for number in range(STEPS):
                with step():
                    one(night_job + number)


def one(number: int) -> None:
    for work in (scan, test):
        for _ in range(2):  # what has failed is tried once more
            try:
                work(number)
                break
            except Exception:  # noqa: BLE001 - it is in the log, with its reason
                number += 1
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(reformat(number))


if __name__ == "__main__":
    main()
