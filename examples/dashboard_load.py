"""Something to look at in Jaeger and dashboards: every event type and result, retries, tools, withheld secrets.

    python examples/dashboard_load.py [--jobs 30] [--service NAME] [--handover FILE]

Ten runs a job, five jobs at a time. Where they are sent to is said by OpenTelemetry's own variables, such as
`OTEL_EXPORTER_OTLP_ENDPOINT`. With `--handover` one more run stays open until that file is there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from string import Template

from patternspan import configure, current_run, job, pattern_span, step

CHECK = Template("$python -c 'import sys; sys.exit(int(sys.argv[1]))' $code --password=$password")
LINES = ["import os", "os.system(line)", "eval(line)", "print('done')"]
LONG_LOG = "x" * 20_000


def scan(version: str, seconds: float, language: str = "python") -> dict[str, int] | None:
    """Count what looks dangerous: a run of all four phases, under one of two versions of its pattern.

    In a language that no pattern is for it fails at selection.
    """

    @pattern_span("PAT-SCAN-001", operation_kind="security_scan", pattern_version=version)
    def scan_lines() -> dict[str, int] | None:
        run = current_run()
        with run.selecting(["PAT-SCAN-001", "PAT-SCAN-002"]) as selection:
            if language != "python":
                selection.fail(f"no pattern scans {language}")
                return None
            selection.resolve("PAT-SCAN-001", method="auto")
        with run.expanding() as expansion:
            expansion.resolved({"calls": "eval|system"})
        with run.validating(checks=["there are lines"]) as validation:
            validation.check("there are lines", bool(LINES), "nothing to scan")
        with run.executing():
            time.sleep(seconds)
            return {"findings": sum(bool(re.search(r"\b(eval|system)\(", line)) for line in LINES)}

    return scan_lines()


@pattern_span("PAT-CHECK-001", operation_kind="build", pattern_version="1.0")
def check(code: int) -> None:
    """Run a tool; an exit code other than 0 is a failure. The password in its command is withheld from what is kept."""
    run = current_run()
    with run.expanding() as expansion:
        text = CHECK.substitute(python=sys.executable, code=code, password="correct-horse-battery")
        expansion.command(text)
    run.command([sys.executable, "-c", f"raise SystemExit({code})"])


@pattern_span("PAT-SLOW-001", operation_kind="build")
def wait_for_tool(limit: float) -> None:
    """Run a tool that does not end in time."""
    current_run().command([sys.executable, "-c", "import time; time.sleep(60)"], timeout=limit)


@pattern_span("PAT-FETCH-001", operation_kind="dependency_audit", attempt="auto")
def fetch(answers: bool, seconds: float) -> None:
    """Ask a server that does not always answer."""
    time.sleep(seconds)
    if not answers:
        raise ConnectionError("no answer")


@pattern_span("PAT-SIZE-001", operation_kind="measurement", capture=["text"])
def measure(text: str) -> dict[str, int] | None:
    """Measure a text; an empty one fails at validation, a very long one gets a warning, and its record is cut."""
    run = current_run()
    with run.validating(checks=["there is a text"]) as validation:
        validation.check("there is a text", bool(text), "the text is empty")
    if len(text) > 10_000:
        run.warn("the text is very long")
    return {"characters": len(text)} if validation.ok else None


@pattern_span("PAT-REPORT-001", operation_kind="reporting")
async def report(weekday: int) -> None:
    """Write a report; on Sundays there is none."""
    if weekday == 6:
        current_run().skip("no report on Sundays")
        return
    await asyncio.sleep(60)


async def report_in_time(weekday: int, limit: float) -> None:
    """Give a report up that takes too long."""
    task = asyncio.ensure_future(report(weekday))
    done, _ = await asyncio.wait([task], timeout=limit)
    if not done:
        task.cancel()
        await asyncio.wait([task])


@pattern_span("PAT-HANDOVER-001", operation_kind="reporting")
def wait_for_handover(path: str) -> None:
    """Wait until somebody has put a file there."""
    while not os.path.exists(path):
        time.sleep(0.05)


def one_job(number: int) -> None:
    """Do the ten steps of one job. The same number does the same."""
    chance = random.Random(number)
    steps: list[Callable[[], object]] = [
        lambda: scan("2.0", chance.uniform(0, 0.1)),
        lambda: scan("2.1", chance.choice([0.02, 0.1, 0.3, 0.6]), "cobol" if number % 4 == 1 else "python"),
        lambda: measure("a short text"),
        lambda: measure(LONG_LOG if number % 3 == 0 else "another text"),
        lambda: measure("" if number % 4 == 0 else "one more"),
        lambda: check(number % 3),
        lambda: fetch(number % 2 == 0, chance.uniform(0, 0.05)),
        lambda: fetch(number % 5 != 0, chance.uniform(0, 0.05)),
        lambda: asyncio.run(report_in_time(6 if number % 2 else 0, 0.05)),
        lambda: wait_for_tool(0.1) if number % 3 == 0 else check(0),
    ]
    with job(name=f"load {number}"):
        for at, work in enumerate(steps, 1):
            # Attempts are counted within a step, else within a job: those at fetching have no step of their own.
            with contextlib.suppress(ConnectionError, subprocess.TimeoutExpired):
                if work in steps[6:8]:
                    work()
                    continue
                with step(f"STEP-{at:03d}"):
                    work()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=3, help="how many jobs of ten runs")
    parser.add_argument("--service", metavar="NAME", default="dashboard-load", help="what the program calls itself")
    parser.add_argument("--handover", metavar="FILE", help="keep one run open until this file is there")
    options = parser.parse_args()
    configure(service_name=options.service)
    with ThreadPoolExecutor(5) as pool:
        waiting = pool.submit(wait_for_handover, options.handover) if options.handover else None
        jobs = [pool.submit(one_job, number) for number in range(options.jobs)]
        for one in jobs:
            one.result()
        print(f"{options.jobs} jobs done", flush=True)
        if waiting is not None:
            waiting.result()


if __name__ == "__main__":
    main()
