"""A thread pool: `wrap_context` takes the current job, step and run along into the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from patternspan import job, pattern_span, step, wrap_context


@pattern_span("PAT-SQUARE-001", operation_kind="arithmetic", capture=True)
def square(number: int) -> dict[str, int]:
    return {"square": number * number}


def main() -> None:
    with job("JOB-01KAZG87630EFMN1W0DXAAY139"), step("STEP-001"), ThreadPoolExecutor(max_workers=4) as pool:
        for result in pool.map(wrap_context(square), range(5)):
            print(result["square"])


if __name__ == "__main__":
    main()
