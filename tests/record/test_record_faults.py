"""Nothing inside telemetry reaches the code that it watches: neither its faults nor those of hostile values."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import signal
import threading
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

import patternspan
from patternspan import current_run, job, pattern_span, step, subscribe
from patternspan.testing import captured_events
from recorded import problems, short

GOOD = [("execution.started", "in_progress"), ("execution.completed", "success")]


class Refuses(RuntimeError):
    """What every broken part here raises."""


class BadProcessor(SpanProcessor):
    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise Refuses("on_start")


class BadEnd(SpanProcessor):
    def on_end(self, span: Any) -> None:
        raise Refuses("on_end")


class BadSampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        raise Refuses("sampler")

    def get_description(self) -> str:
        return "bad"


class BadExporter(SpanExporter):
    def export(self, spans: Any) -> Any:
        raise Refuses("export")


def _providers() -> dict[str, TracerProvider]:
    made = {name: TracerProvider(shutdown_on_exit=False) for name in ("processor", "end", "exporter")}
    made["processor"].add_span_processor(BadProcessor())
    made["end"].add_span_processor(BadEnd())
    made["exporter"].add_span_processor(SimpleSpanProcessor(BadExporter()))
    return {**made, "sampler": TracerProvider(sampler=BadSampler(), shutdown_on_exit=False)}


def _full_run(provider: TracerProvider) -> object:
    @pattern_span("PAT-FAULT-001", tracer_provider=provider)
    def work() -> dict[str, int]:
        run = current_run()
        run.select(inputs={"a": 1})
        with run.expanding() as expansion:
            expansion.command("x")
        with run.validating() as validation:
            validation.check("a")
        with run.executing():
            assert run.command(["true"]).ok
        return {"count": 1}

    return work()


@pytest.mark.parametrize("part", ["processor", "end", "sampler", "exporter"])
def test_a_part_of_the_sdk_that_raises_changes_neither_result_nor_log(
    faults: Callable[[], list[str]], written: Any, part: str
) -> None:
    """The whole run stands in the log, in order, whatever happens to its spans."""
    assert _full_run(_providers()[part]) == {"count": 1}
    assert [kind for kind, _ in short(written())] == [
        "selection.started",
        "selection.resolved",
        "template.expanded",
        "validation.started",
        "validation.completed",
        "execution.started",
        "execution.completed",
    ]
    assert problems(written()) == []
    assert not current_run()


@pytest.mark.parametrize("part", ["processor", "end", "sampler", "exporter"])
def test_a_fault_is_said_once(faults: Callable[[], list[str]], written: Any, part: str) -> None:
    """A hundred runs do not fill the application's log."""
    provider = _providers()[part]
    for _ in range(20):
        _full_run(provider)
    assert len(faults()) == len(set(faults())) <= 4
    assert all("Refuses" in text for text in faults())


@pytest.mark.parametrize("error", [ValueError("own"), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("part", ["processor", "end", "sampler", "exporter"])
def test_the_callers_exception_wins_over_telemetrys(
    faults: Callable[[], list[str]], written: Any, part: str, error: BaseException
) -> None:
    """Where both fail, the caller gets his own."""
    with pytest.raises(type(error)) as caught, pattern_span("PAT-FAULT-002", tracer_provider=_providers()[part]) as run:
        with run.validating(), run.executing():
            raise error
    assert caught.value is error
    assert written()[-1].status == "failed"


def test_a_job_whose_span_cannot_be_made_still_names_its_runs(
    faults: Callable[[], list[str]], written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job and the step are in the events, with or without a span."""
    from opentelemetry import trace

    provider = _providers()["processor"]
    monkeypatch.setattr(trace, "get_tracer", lambda name: provider.get_tracer(name))
    with job("JOB-ONE"), step("STEP-003"), pattern_span("PAT-FAULT-003"):
        pass
    assert {(event.job_id, event.step_id) for event in written()} == {("JOB-ONE", "STEP-003")}


def test_a_subscriber_that_raises_stops_neither_the_run_nor_the_others(
    faults: Callable[[], list[str]], written: Any
) -> None:
    """Each subscriber hears each event; the fault is said once."""
    heard: list[Any] = []

    def refuse(event: Any) -> None:
        raise Refuses("subscriber")

    stops = [subscribe(refuse), subscribe(heard.append)]
    with pattern_span("PAT-FAULT-004"):
        pass
    for stop in stops:
        stop()
    with pattern_span("PAT-FAULT-005"):
        pass
    assert heard == written()[:2]
    assert len(faults()) == 1


def test_a_fault_that_is_said_steers_no_terminal(faults: Callable[[], list[str]]) -> None:
    """What an exception says may come from anywhere; it is one line on a terminal, and nothing in it is hidden."""

    def refuse(_event: Any) -> None:
        raise Refuses("one\nline \x1b]0;title\x07 \u202e\x1b[2J")

    stop = subscribe(refuse)
    with pattern_span("PAT-FAULT-006"):
        pass
    stop()
    (said,) = faults()
    assert r"Refuses: one\nline \x1b]0;title\x07 \u202e\x1b[2J;" in said
    assert "\n" not in said
    assert "\x1b" not in said


class Opaque:
    """An object that cannot be looked at."""

    def __repr__(self) -> str:
        raise Refuses("repr")

    def __str__(self) -> str:
        raise Refuses("str")

    def __bool__(self) -> bool:
        raise Refuses("bool")

    def __len__(self) -> int:
        raise Refuses("len")

    def __iter__(self) -> Iterator[Any]:
        raise Refuses("iter")

    def __eq__(self, other: object) -> bool:
        raise Refuses("eq")

    __hash__ = None  # type: ignore[assignment]


class OpaqueMapping(UserDict[str, Any]):
    """A mapping that cannot be read."""

    def __len__(self) -> int:
        raise Refuses("len")

    def __iter__(self) -> Iterator[str]:
        raise Refuses("iter")

    def __getitem__(self, key: str) -> Any:
        raise Refuses("item")

    def get(self, *args: Any) -> Any:
        raise Refuses("get")

    def keys(self) -> Any:
        raise Refuses("keys")

    def __repr__(self) -> str:
        raise Refuses("repr")


def _cyclic() -> dict[str, Any]:
    members: dict[str, Any] = {"a": 1}
    members["self"] = members
    members["list"] = [members, members, [members]]
    return members


def _wide() -> list[Any]:
    """A list that holds itself 300 times: a walk without a bound would never end."""
    values: list[Any] = []
    values.extend([values] * 300)
    return values


def _deep() -> list[Any]:
    values: list[Any] = []
    for _ in range(5000):
        values = [values]
    return values


class Text(str):
    """A text of another class."""


HOSTILE: dict[str, Any] = {
    "opaque": Opaque(),
    "opaque in a list": [Opaque(), 1],
    "opaque mapping": OpaqueMapping(),
    "opaque key": {1: 2, None: 3, (1, 2): 4, Text("x"): 5},
    "cyclic": _cyclic(),
    "wide and cyclic": _wide(),
    "deep": _deep(),
    "nan": [float("nan"), float("inf"), {"x": float("-inf")}],
    "bytes": [b"\xff\x00", bytearray(b"x"), memoryview(b"abc")],
    "surrogates": "a\udcff\ud800b",
    "surrogate keys": {"\udcff": "\ud800"},
    "large integers": [10**30, -(10**400), {"x": 2**64}],
    "large": ["x" * 1_000_000] * 50,
    "many": {str(number): list(range(50)) for number in range(5000)},
    "set": {1, "a", (2, 3)},
    "type": int,
    "control characters": "\x00\x1b[31m\u2028\n",
    "complex": [1j, range(3), ..., NotImplemented, object],
    "exception": ValueError("x"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_argument_can_be_captured(root: Any, written: Any, name: str) -> None:
    """The executor runs with the very object; the event has a bounded form of it; the other arguments are there."""
    value = HOSTILE[name]
    given = []

    @pattern_span("PAT-FAULT-006", capture=True)
    def work(path: str, thing: Any) -> None:
        given.append(thing)

    work("src", value)
    assert given[0] is value
    first, _ = written()
    assert problems(written()) == []
    assert first.details["inputs_preview"]["path"] == "src"
    assert "thing" in first.details["inputs_preview"]
    assert len(first.to_json()) < 1_000_000


@pytest.mark.parametrize("name", HOSTILE)
def test_any_value_can_be_returned_and_told(root: Any, written: Any, name: str) -> None:
    """Returned as it is, in a mapping, in notes, results, contexts, warnings: the run is written whole."""
    value = HOSTILE[name]

    @pattern_span("PAT-FAULT-007")
    def returns() -> Any:
        return value

    @pattern_span("PAT-FAULT-008")
    def returns_inside() -> dict[str, Any]:
        return {"thing": value, "count": 1}

    @pattern_span("PAT-FAULT-009")
    def tells() -> None:
        run = current_run()
        with run.selecting([value, "PAT-X"], context={"thing": value}) as selection:
            selection.resolve("PAT-FAULT-009", inputs={"thing": value})
        with run.expanding(template_version="1") as expansion:
            expansion.artifact(value)
        with run.validating(checks=["tool", value]) as validation:
            validation.check("tool", True, value)
            run.warn(value)
        with run.executing(["x", value]):
            run.artifact(value)
            run.note(thing=value)
            run.result(thing=value)
            run.result({"more": value})
            run.warn(value)

    assert returns() is value
    assert returns_inside()["thing"] is value
    tells()
    runs: dict[str, list[Any]] = {}
    for event in written():
        runs.setdefault(event.pattern_id, []).append(event)
        assert len(event.to_json()) < 3_000_000
    assert [short(events)[-1][0] for events in runs.values()] == ["execution.completed"] * 3
    assert [problems(events) for events in runs.values()] == [[], [], []]
    assert runs["PAT-FAULT-008"][1].details["result_summary"]["count"] == 1


@pytest.mark.parametrize("wrong", [5, Opaque(), "text", None, [1]], ids=["5", "opaque", "text", "None", "list"])
def test_no_method_of_a_run_raises_for_a_wrong_argument(faults: Any, written: Any, wrong: Any) -> None:
    """Telling a run nonsense is a fault of telemetry, not of the work."""
    with pattern_span("PAT-FAULT-010") as run:
        run.result(wrong)
        run.select(candidates=wrong, inputs=wrong, context=wrong)
        with run.selecting(wrong, context=wrong):
            pass
        with run.expanding(variables=wrong) as expansion:
            expansion.resolved(wrong)
            expansion.command(wrong)
        with run.validating(wrong, wrong):
            pass
        with run.executing(wrong, executor=wrong, working_dir=wrong, timeout_seconds=wrong):
            run.artifact(wrong)
            run.warn(wrong)
        run.skip(wrong)
    assert short(written())[-1][0] == "execution.completed"


def test_a_call_whose_ids_are_no_unicode_is_recorded(root: Any, written: Any) -> None:
    """Ids come from file names and the environment, where any byte may stand."""
    with job("JOB-\udcff"), step("STEP-\ud800"), pattern_span("PAT-\udcfe"):
        pass
    assert short(written()) == GOOD
    assert {event.job_id for event in written()} == {"JOB-\\udcff"}


def _unwritable(root: Path) -> None:
    root.parent.joinpath("file").write_text("x")
    patternspan.configure(root=root.parent / "file" / "state")


def _root_is_a_file(root: Path) -> None:
    root.write_text("x")


def _log_is_a_folder(root: Path) -> None:
    (root / "events" / "pattern_events.jsonl").mkdir(parents=True)


def _log_is_full(root: Path) -> None:
    """No file may grow, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _link_planted(root: Path) -> None:
    (root / "events").mkdir(parents=True)
    (root / "events" / "pattern_events.jsonl").symlink_to(root.parent / "elsewhere")


def _archive_is_a_file(root: Path) -> None:
    root.mkdir()
    (root / "pattern_runs").write_text("x")


@pytest.mark.parametrize(
    "breaks",
    [_unwritable, _root_is_a_file, _log_is_a_folder, _log_is_full, _link_planted, _archive_is_a_file],
    ids=lambda breaks: breaks.__name__.strip("_"),
)
def test_a_root_that_cannot_be_written_stops_nobody(
    root: Path, faults: Callable[[], list[str]], breaks: Callable[[Path], None]
) -> None:
    """The result is the executor's, what is wrong is said once, subscribers still hear."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard: list[Any] = []
    stop = subscribe(heard.append)

    @pattern_span("PAT-FAULT-011")
    def work(number: int) -> int:
        run = current_run()
        with run.executing():
            assert run.command(["echo", "hello"]).stdout == "hello\n"
        return number

    breaks(root)
    try:
        assert [work(number) for number in range(30)] == list(range(30))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        stop()
    assert len(heard) == 60
    assert 1 <= len(faults()) == len(set(faults())) <= 3
    assert not (root.parent / "elsewhere").exists()


def test_a_log_folder_that_is_removed_is_made_again(root: Path, faults: Any, written: Any) -> None:
    """Within about a second lines are on disk again; no call fails meanwhile."""
    import time

    with pattern_span("PAT-FAULT-012"):
        pass
    shutil.rmtree(root)
    end = time.monotonic() + 10
    while not written() and time.monotonic() < end:
        with pattern_span("PAT-FAULT-013"):
            pass
    assert {event.pattern_id for event in written()} == {"PAT-FAULT-012", "PAT-FAULT-013"}


def test_the_first_runs_of_many_threads_are_all_recorded(python: Any, tmp_path: Path) -> None:
    """Configuring by default happens once, and every thread waits for it."""
    python(
        """
        import threading
        from patternspan import pattern_span

        @pattern_span("PAT-FAULT-014")
        def work(): pass

        barrier = threading.Barrier(16)
        def start():
            barrier.wait()
            work()
        threads = [threading.Thread(target=start) for _ in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    lines = (tmp_path / "state/events/pattern_events.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["event_type"] for line in lines) == (
        ["pattern.execution.completed"] * 16 + ["pattern.execution.started"] * 16
    )


def test_a_wrong_setting_is_said_and_the_work_goes_on(python: Any, tmp_path: Path) -> None:
    """Without `configure()`, a wrong variable is a fault of telemetry."""
    done = python(
        """
        from patternspan import pattern_span
        print(pattern_span("PAT-FAULT-015")(len)([1, 2]))
        """,
        PATTERNSPAN_ARCHIVE="perhaps",
    )
    assert done.stdout == "2\n"
    assert "PATTERNSPAN_ARCHIVE='perhaps': true or false is wanted" in done.stderr


def test_switched_off_nothing_is_left_behind(root: Path, spans: Any) -> None:
    """`enabled=False`: the code runs bare, without files and spans, and `current_run()` is there all the same."""
    patternspan.configure(root=root, enabled=False)

    @pattern_span("PAT-FAULT-016", capture=True)
    def work(number: int) -> int:
        run = current_run()
        assert not run
        run.select()
        with run.validating() as validation:
            assert not validation.check("tool", False)
        with run.executing():
            assert run.command(["sh", "-c", "echo hello; exit 3"]).exit_code == 3
        run.artifact("x")
        run.result(a=1)
        return number

    async def later() -> int:
        return 5

    with job("JOB-ONE"), step(), pattern_span("PAT-FAULT-017") as run:
        assert not run
        assert work(4) == 4
    assert asyncio.run(pattern_span("PAT-FAULT-018")(later)()) == 5
    assert list(pattern_span("PAT-FAULT-019")(lambda: iter([1]))()) == [1]
    assert not root.exists()
    assert spans() == []


def test_outside_any_run_the_run_is_false_and_its_commands_leave_nothing(root: Path, spans: Any) -> None:
    """Code that is called without a decorator around it does its work."""
    run = current_run()
    assert not run
    assert run.command(["echo", "hello"]).stdout == "hello\n"
    with run.validating() as validation:
        assert validation.check("a")
    run.skip("no")
    assert not root.exists()
    assert spans() == []


def test_captured_events_are_not_written_and_end_with_the_block(root: Path) -> None:
    """The test kit keeps files alone."""
    with captured_events() as events, pattern_span("PAT-FAULT-020"):
        pass
    assert short(events) == GOOD
    assert not root.exists()
    with pattern_span("PAT-FAULT-021"):
        pass
    assert len(events) == 2
    assert root.exists()


def test_a_thread_that_is_told_of_a_run_after_its_end_changes_nothing(root: Path, written: Any) -> None:
    """A forgotten thread may still hold the run."""
    with pattern_span("PAT-FAULT-022") as run:
        pass
    thread = threading.Thread(target=lambda: run.result(late=True))
    thread.start()
    thread.join()
    assert short(written()) == GOOD


def test_a_mapping_of_another_kind_is_read(root: Path, written: Any) -> None:
    """Any Mapping that is returned is the summary."""

    class Row(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return {"rows": 3}[key]

        def __iter__(self) -> Iterator[str]:
            return iter(["rows"])

        def __len__(self) -> int:
            return 1

    pattern_span("PAT-FAULT-023")(lambda: Row())()
    assert written()[-1].details["result_summary"] == {"rows": 3}


def test_a_handler_may_record_while_its_own_thread_ends_a_span(root: Path) -> None:
    """A processor's lock is held then: the handler's span ends when the other has."""
    lock = threading.Lock()
    exporter = InMemorySpanExporter()

    class Locks(SpanProcessor):
        def on_end(self, span: Any) -> None:
            assert lock.acquire(timeout=5), "the handler waits for its own thread"
            try:
                if span.name.endswith("001"):
                    signal.raise_signal(signal.SIGUSR1)
            finally:
                lock.release()

    def handler(number: int, frame: Any) -> None:
        with pattern_span("PAT-HANDLER-002", tracer_provider=provider):
            pass

    provider = TracerProvider()
    provider.add_span_processor(Locks())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pattern_span("PAT-HANDLER-001", tracer_provider=provider):
            pass
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [span.name for span in exporter.get_finished_spans()] == [
        "pattern.run PAT-HANDLER-001",
        "pattern.run PAT-HANDLER-002",
    ]
