"""A child process that goes on with its parent's trace and job: nothing is needed but `run.command`."""

from __future__ import annotations

import sys

from patternspan import configure, current_run, job, pattern_span


@pattern_span("PAT-PARENT-001", operation_kind="build")
def parent() -> None:
    result = current_run().command([sys.executable, __file__, "child"])
    print(result.stdout.strip())


@pattern_span("PAT-CHILD-001", operation_kind="build")
def child() -> None:
    print("in the child process")


if __name__ == "__main__":
    configure(service_name="example")
    if sys.argv[1:] == ["child"]:
        child()
    else:
        with job("JOB-01KAZG87630EFMN1W0DXAAY139"):
            parent()
