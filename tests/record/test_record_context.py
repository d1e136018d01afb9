"""The current job, step and run: across await, threads, tasks, forks and child processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import patternspan
from patternspan import PatternEvent, child_environment, current_run, job, pattern_span, step, wrap_context
from patternspan.log.reader import LogLine, read_all
from patternspan.testing import captured_events
from recorded import by_run, problems


@pattern_span("PAT-CTX-001")
def work() -> str:
    return current_run().run_id


def _places(events: list[PatternEvent]) -> list[tuple[str, str | None]]:
    return [(run[0].job_id, run[0].step_id) for run in by_run(events)]


def test_runs_belong_to_the_job_and_step_around_them(root: Path, written: Any, spans: Any) -> None:
    """All in one trace; the step ends with its block, the job with its own."""
    with job("JOB-ONE") as scope:
        assert scope.job_id == "JOB-ONE"
        work()
        with step("STEP-003") as inner:
            assert (inner.job_id, inner.step_id) == ("JOB-ONE", "STEP-003")
            work()
            with pattern_span("PAT-CTX-002"):
                work()
        work()
    assert _places(written()) == [
        ("JOB-ONE", None),
        ("JOB-ONE", "STEP-003"),
        ("JOB-ONE", "STEP-003"),
        ("JOB-ONE", "STEP-003"),
        ("JOB-ONE", None),
    ]
    assert len({span.context.trace_id for span in spans()}) == 1


def test_a_job_without_an_id_gets_a_new_one(root: Path, written: Any) -> None:
    """So does a step; both have the contract's form."""
    with job() as first, step():
        work()
    with job() as second:
        work()
    assert first.job_id != second.job_id
    assert [problems(run) for run in by_run(written())] == [[], []]
    assert written()[0].step_id is not None


def test_a_job_of_another_kind_of_id_is_text(root: Path, written: Any) -> None:
    """Engines often hold their ids as UUIDs or numbers."""
    identifier = uuid.UUID(int=5)
    with job(identifier), step(7):  # type: ignore[arg-type]
        work()
    assert _places(written()) == [(str(identifier), "7")]
    assert (root / "events/jobs" / str(identifier) / "pattern_events.jsonl").exists()


def test_runs_outside_any_job_share_the_processs_own(root: Path, written: Any) -> None:
    """One new id for all of them."""
    work()
    work()
    assert len(set(_places(written()))) == 1
    assert problems(by_run(written())[0]) == []


def test_the_configured_job_and_step_stand_where_no_block_says_another(root: Path, written: Any) -> None:
    """`configure(job_id=…, step_id=…)`, and a block wins."""
    patternspan.configure(root=root, job_id="JOB-SET", step_id="STEP-001")
    work()
    with step("STEP-002"):
        work()
    with job("JOB-TWO"):
        work()
    assert _places(written()) == [("JOB-SET", "STEP-001"), ("JOB-SET", "STEP-002"), ("JOB-TWO", None)]


def test_a_job_that_fails_says_so_on_its_span(root: Path, spans: Any) -> None:
    """And lets the exception pass."""
    with pytest.raises(KeyError), job("JOB-ONE", name="nightly"):
        raise KeyError("x")
    (span,) = spans()
    assert (span.name, span.attributes["error.type"], span.status.is_ok) == ("pattern.job nightly", "KeyError", False)


def test_wrap_context_takes_job_and_trace_into_a_pool(root: Path, written: Any, spans: Any) -> None:
    """Many calls at once of one wrapped function; what they change stays with them."""
    barrier = threading.Barrier(4)

    def inside(number: int) -> str:
        barrier.wait(20)
        with step(f"STEP-00{number}"):
            return work()

    with ThreadPoolExecutor(4) as pool:
        with job("JOB-ONE"):
            wrapped = wrap_context(inside)
            list(pool.map(wrapped, range(4)))
        assert pool.submit(lambda: bool(current_run())).result() is False
    assert sorted(_places(written())) == [("JOB-ONE", f"STEP-00{number}") for number in range(4)]
    assert len({span.context.trace_id for span in spans()}) == 1
    assert wrapped.__name__ == "inside"


def test_tasks_keep_their_own_jobs() -> None:
    """Jobs of tasks that run at once do not mix; a task started inside a job belongs to it."""

    async def one(number: int) -> None:
        async with job(f"JOB-{number}"):
            await asyncio.sleep(0.001)
            async with step(f"STEP-00{number}"):
                work()
                await asyncio.to_thread(work)
                await asyncio.create_task(later())

    async def later() -> None:
        await asyncio.sleep(0)
        work()

    async def main() -> None:
        await asyncio.gather(*map(one, range(5)))

    with captured_events() as events:
        asyncio.run(main())
    assert sorted(_places(events)) == sorted([(f"JOB-{n}", f"STEP-00{n}") for n in range(5)] * 3)


CHILD = """
import json, sys
from patternspan import current_run, pattern_span
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
with pattern_span("PAT-CHILD-001") as run:
    context = run.span.get_span_context()
    parent = run.span.parent
print(json.dumps([run.job_id, run.step_id, context.trace_id, parent and parent.span_id]))
"""


@pytest.mark.parametrize("job_id", ["JOB-ONE", "überjob, a;b=c %41"])
def test_a_child_process_continues_trace_job_and_step(
    root: Path, spans: Any, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the tool's span, in the same job and step, whatever the environment says by itself."""
    monkeypatch.setenv("PATTERNSPAN_JOB_ID", "JOB-FROM-OUTSIDE")
    with job(job_id), step("STEP-003"), pattern_span("PAT-CTX-003") as run:
        found = json.loads(run.command([sys.executable, "-c", CHILD], cwd=root.parent).stdout)
    tool = spans()[0]
    assert found == [job_id, "STEP-003", tool.context.trace_id, tool.context.span_id]


def test_child_environment_is_a_copy_with_the_trace_of_this_moment(root: Path) -> None:
    """For children that are started in other ways; the process's own environment stays as it was."""
    with job("JOB-ONE"), pattern_span("PAT-CTX-004") as run:
        environ = child_environment({"A": "1"})
        context = run.span.get_span_context()
    assert environ == {
        "A": "1",
        "TRACEPARENT": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}",
        "BAGGAGE": f"pattern.job.id=JOB-ONE,pattern.run.id={run.run_id}",
    }
    assert child_environment() == {**os.environ, **{name: child_environment()[name] for name in ("BAGGAGE",)}}


def test_a_child_without_spans_continues_the_job(python: Any, tmp_path: Path) -> None:
    """The log alone, no SDK: job and step travel in BAGGAGE."""
    python(
        """
        import sys
        from patternspan import job, pattern_span, step
        with job("JOB-ONE"), step("STEP-009"), pattern_span("PAT-CTX-005") as run:
            code = "from patternspan import pattern_span\\nwith pattern_span('PAT-CTX-006'): pass"
            assert run.command([sys.executable, "-c", code]).exit_code == 0
        """
    )
    items = list(read_all(str(tmp_path / "state/events/pattern_events.jsonl")))
    events = [item.event for item in items if isinstance(item, LogLine)]
    assert [event.pattern_id for event in events] == ["PAT-CTX-005", "PAT-CTX-006", "PAT-CTX-006", "PAT-CTX-005"]
    assert {(event.job_id, event.step_id) for event in events} == {("JOB-ONE", "STEP-009")}


@pytest.mark.parametrize("variable", ["TRACEPARENT", "BAGGAGE", "TRACESTATE"])
@pytest.mark.parametrize("value", ["nonsense", "00-0-0-0", "\udcff", "=,;=", "x" * 20_000], ids=ascii)
def test_a_wrong_inheritance_stops_nobody(
    root: Path, faults: Any, written: Any, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Whatever a parent has handed down."""
    monkeypatch.setenv(variable, value)
    patternspan.configure(root=root)
    work()
    assert len(written()) == 2


def test_attempts_count_on_after_a_failure_and_link_to_the_one_before(root: Path, written: Any, spans: Any) -> None:
    """`attempt="auto"`: until one succeeds, then it begins anew; another job counts for itself."""
    outcomes = iter([False, False, True, False, True])

    @pattern_span("PAT-CTX-007", attempt="auto")
    def flaky() -> dict[str, int]:
        return {"exit_code": 0 if next(outcomes) else 1}

    with job("JOB-ONE"):
        for _ in range(4):
            flaky()
    with job("JOB-TWO"):
        flaky()
    assert [event.details["attempt"] for event in written() if "attempt" in event.details] == [1, 2, 3, 1, 1]
    runs = [span for span in spans() if span.name.startswith("pattern.run")]
    assert [span.attributes["pattern.run.attempt"] for span in runs] == [1, 2, 3, 1, 1]
    assert [[link.context.span_id for link in span.links] for span in runs] == [
        [],
        [runs[0].context.span_id],
        [runs[1].context.span_id],
        [],
        [],
    ]
    assert dict(runs[1].links[0].attributes) == {"pattern.link.type": "retry"}


def test_a_given_attempt_is_taken(root: Path, written: Any) -> None:
    """The caller counts by himself."""
    for number in (1, 2):
        with pattern_span("PAT-CTX-008", attempt=number):
            pass
    assert [event.details.get("attempt") for event in written()] == [1, None, 2, None]


def test_two_jobs_of_one_object_can_be_entered_one_after_the_other(root: Path, written: Any) -> None:
    """And inside itself."""
    again = job("JOB-ONE")
    with again:
        work()
        with again:
            work()
        work()
    with again:
        work()
    work()
    jobs = [place[0] for place in _places(written())]
    assert jobs[:4] == ["JOB-ONE"] * 4
    assert jobs[4] != "JOB-ONE"


def test_threads_that_start_tools_of_one_run_at_once_write_one_start(written: Any) -> None:
    """A run has one `execution.started`, whoever is first."""
    import threading

    from patternspan.model.conform import judge_lifecycle

    for _ in range(30):
        with pattern_span("PAT-THREADS-001", phases=True) as run:
            gate = threading.Barrier(4)

            def work(run: Any = run, gate: Any = gate) -> None:
                gate.wait()
                with run.executing("tool"):
                    pass

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    runs: dict[str, list[Any]] = {}
    for event in written():
        runs.setdefault(event.pattern_run_id, []).append(event)
    assert [[str(problem) for problem in judge_lifecycle(events)] for events in runs.values()] == [[]] * 30
