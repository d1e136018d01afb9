"""Coroutines at once: each call is a run of its own, and all belong to the same job."""

from __future__ import annotations

import asyncio

from patternspan import job, pattern_span


@pattern_span("PAT-FETCH-001", operation_kind="fetch", capture=True)
async def fetch(name: str, fails: bool = False) -> dict[str, int]:
    await asyncio.sleep(0.01)
    if fails:
        raise ConnectionError(f"{name}: no answer")
    return {"bytes": 100 * len(name)}


@pattern_span("PAT-STREAM-001", operation_kind="fetch")
async def stream(count: int):
    """Yield numbers; the run is open for as long as they flow."""
    for number in range(count):
        await asyncio.sleep(0)
        yield number


async def main() -> None:
    async with job("JOB-01KAZG87630EFMN1W0DXAAY139"):
        results = await asyncio.gather(fetch("one"), fetch("three"), fetch("two", fails=True), return_exceptions=True)
        print(results)
        print([number async for number in stream(3)])


if __name__ == "__main__":
    asyncio.run(main())
