"""Every kind of callable can be decorated, and stays what it is."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import operator
import pickle
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from patternspan import ConfigError, Run, current_run, pattern_span
from patternspan.testing import captured_events
from recorded import by_run, problems, short

GOOD = [("execution.started", "in_progress"), ("execution.completed", "success")]


@pattern_span
def bare(number: int, *, factor: int = 2) -> int:
    """Multiply."""
    return number * factor


@pattern_span("PAT-CALL-001", operation_kind="calculation")
async def told(number: int, *, factor: int = 2) -> int:
    """Multiply later."""
    await asyncio.sleep(0)
    return number * factor


class Tools:
    """Methods of all kinds, decorated in both orders."""

    factor = 3

    @pattern_span
    def method(self, number: int) -> int:
        """A method."""
        return number * self.factor

    @pattern_span("PAT-CALL-002")
    async def later(self, number: int) -> int:
        return number * self.factor

    @classmethod
    @pattern_span("PAT-CALL-003")
    def class_inside(cls, number: int) -> int:
        return number * cls.factor

    @pattern_span("PAT-CALL-004")
    @classmethod
    def class_outside(cls, number: int) -> int:
        return number * cls.factor

    @pattern_span
    @classmethod
    def class_outside_bare(cls, number: int) -> int:
        return number * cls.factor

    @staticmethod
    @pattern_span("PAT-CALL-005")
    def static_inside(number: int) -> int:
        return number * 5

    @pattern_span("PAT-CALL-006")
    @staticmethod
    def static_outside(number: int) -> int:
        return number * 5

    @pattern_span
    @staticmethod
    def static_outside_bare(number: int) -> int:
        return number * 5

    @property
    @pattern_span("PAT-CALL-007")
    def value(self) -> int:
        return self.factor

    fixed = functools.partialmethod(method, 7)


class Sub(Tools):
    factor = 10


class Adder:
    """Adds."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, number: int) -> int:
        """Add to a number."""
        return number + self.by


class LaterAdder(Adder):
    async def __call__(self, number: int) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return number + self.by


def _plain(number: int, factor: int = 2) -> int:
    """Multiply a number."""
    return number * factor


async def _plain_later(number: int) -> int:
    return number * 2


def _items(number: int) -> Generator[int, None, None]:
    yield from range(number)


@pytest.mark.parametrize(
    ("call", "expected", "pattern_id"),
    [
        (lambda: bare(4, factor=3), 12, "test_record_callables.bare"),
        (lambda: asyncio.run(told(4)), 8, "PAT-CALL-001"),
        (lambda: Tools().method(2), 6, "test_record_callables.Tools.method"),
        (lambda: Tools.method(Sub(), 2), 20, "test_record_callables.Tools.method"),
        (lambda: asyncio.run(Sub().later(2)), 20, "PAT-CALL-002"),
        (lambda: Sub.class_inside(2), 20, "PAT-CALL-003"),
        (lambda: Sub().class_outside(2), 20, "PAT-CALL-004"),
        (lambda: Sub.class_outside_bare(2), 20, "test_record_callables.Tools.class_outside_bare"),
        (lambda: Sub.static_inside(2), 10, "PAT-CALL-005"),
        (lambda: Tools().static_outside(2), 10, "PAT-CALL-006"),
        (lambda: Tools.static_outside_bare(2), 10, "test_record_callables.Tools.static_outside_bare"),
        (lambda: Sub().value, 10, "PAT-CALL-007"),
        (lambda: Tools().fixed(), 21, "test_record_callables.Tools.method"),
        (lambda: pattern_span(functools.partial(_plain, factor=9))(2), 18, "test_record_callables._plain"),
        (lambda: asyncio.run(pattern_span(functools.partial(_plain_later, 4))()), 8,
         "test_record_callables._plain_later"),
        (lambda: list(pattern_span(functools.partial(_items, 3))()), [0, 1, 2], "test_record_callables._items"),
        (lambda: pattern_span(Adder(5))(1), 6, "test_record_callables.Adder"),
        (lambda: asyncio.run(pattern_span(LaterAdder(5))(1)), 6, "test_record_callables.LaterAdder"),
        (lambda: pattern_span(Adder(5).__call__)(1), 6, "test_record_callables.Adder"),
        (lambda: pattern_span(len)([1, 2]), 2, "builtins.len"),
        (lambda: pattern_span("PAT-CALL-008")(operator.itemgetter(1))([1, 2]), 2, "PAT-CALL-008"),
        (lambda: pattern_span(lambda: 5)(), 5, "test_record_callables.<lambda>.<lambda>"),
        (lambda: pattern_span(functools.lru_cache(_plain))(4), 8, "test_record_callables._plain"),
        (lambda: pattern_span("PAT-CALL-009")(pattern_span("PAT-CALL-010")(_plain))(4), 8, "PAT-CALL-009"),
    ],
)  # fmt: skip
def test_each_kind_of_callable_is_recorded(call: Callable[[], Any], expected: object, pattern_id: str) -> None:
    """The caller gets what the bare one gives; the run has the given pattern id, else the qualified name."""
    with captured_events() as events:
        assert call() == expected
    runs = by_run(events)
    assert all(short(run) == GOOD and problems(run) == [] for run in runs)
    assert runs[0][0].pattern_id == pattern_id


KINDS = [
    ("function", _plain, inspect.isfunction),
    ("coroutine", _plain_later, inspect.iscoroutinefunction),
    ("generator", _items, inspect.isgeneratorfunction),
    ("partial of a coroutine function", functools.partial(_plain_later, 1), inspect.iscoroutinefunction),
    ("partial of a generator function", functools.partial(_items, 1), inspect.isgeneratorfunction),
    ("callable object", Adder(1), inspect.isfunction),
    ("object with a coroutine", LaterAdder(1), inspect.iscoroutinefunction),
    ("built-in", len, inspect.isfunction),
]


@pytest.mark.parametrize(("kind", "function", "is_kind"), KINDS, ids=[kind for kind, *_ in KINDS])
def test_a_decorated_callable_looks_like_the_bare_one(kind: str, function: Any, is_kind: Callable[[Any], bool]) -> None:
    """Signature, doc, `__wrapped__` and what `inspect` says of it are kept."""
    decorated = pattern_span("PAT-CALL-011")(function)
    assert decorated.__wrapped__ is function  # type: ignore[attr-defined]
    assert is_kind(decorated)
    assert inspect.signature(decorated) == inspect.signature(function)
    assert inspect.getdoc(decorated) == inspect.getdoc(function)


@pytest.mark.parametrize(
    ("function", "name", "qualname"),
    [
        (_plain, "_plain", "_plain"),
        (Tools.method, "method", "Tools.method"),
        (functools.partial(_plain, 1), "_plain", "_plain"),
        (Adder(1), "Adder", "Adder"),
        (len, "len", "len"),
    ],
)
def test_a_decorated_callable_is_named_as_the_bare_one(function: Any, name: str, qualname: str) -> None:
    """A partial is named after its function, an object after its class."""
    decorated: Any = pattern_span("PAT-CALL-012")(function)
    assert (decorated.__name__, decorated.__qualname__) == (name, qualname)


def test_an_abstract_method_stays_abstract() -> None:
    """A class with a decorated abstract method cannot be made."""

    class Base(ABC):
        @pattern_span("PAT-CALL-013")
        @abstractmethod
        def work(self) -> None: ...

    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]


def test_a_decorated_function_of_a_module_can_be_pickled() -> None:
    """A process pool finds it by its name."""
    assert pickle.loads(pickle.dumps(bare)) is bare


@pytest.mark.parametrize("wrong", ["", "  ", 5, int, object()])
def test_what_cannot_be_decorated_or_named_is_refused(wrong: Any) -> None:
    """A wrong pattern id, a class and an object that cannot be called are errors at once."""
    with pytest.raises(ConfigError):
        pattern_span(wrong)


def test_a_block_is_a_run_too() -> None:
    """`with` gives the run; what is raised inside fails it."""
    with captured_events() as events:
        with pattern_span("PAT-WITH-001") as run:
            assert isinstance(run, Run)
            assert current_run() is run
            run.result(count=3)
        with pytest.raises(KeyError), pattern_span("PAT-WITH-002"):
            raise KeyError("inside")
        assert not current_run()
    assert [short(run) for run in by_run(events)] == [
        GOOD,
        [("execution.started", "in_progress"), ("execution.failed", "failed")],
    ]
    assert events[1].details["result_summary"] == {"count": 3}


def test_an_async_block_is_a_run_too() -> None:
    """`async with` does what `with` does."""

    async def work() -> None:
        async with pattern_span("PAT-WITH-003") as run:
            await asyncio.sleep(0)
            assert current_run() is run

    with captured_events() as events:
        asyncio.run(work())
    assert short(events) == GOOD


def test_a_block_without_a_pattern_id_is_named_after_the_code_around_it() -> None:
    """So is a block of a method or a module."""
    with captured_events() as events, pattern_span():
        pass
    name = "test_a_block_without_a_pattern_id_is_named_after_the_code_around_it"
    assert events[0].pattern_id == f"test_record_callables.{name}"


def test_one_object_serves_as_decorator_and_block_and_inside_itself() -> None:
    """Entered again while it is open, it opens a run inside the run, and leaves them in order."""
    span = pattern_span("PAT-WITH-004")
    with captured_events() as events:
        with span as outer:
            with span as inner:
                assert current_run() is inner
            assert current_run() is outer
            assert span(_plain)(2) == 4
        assert not current_run()
    ended = [event.pattern_run_id for event in events if event.status == "success"]
    assert ended == [inner.run_id, ended[1], outer.run_id]
    assert [short(run) for run in by_run(events)] == [GOOD] * 3


def test_one_object_in_many_threads_at_once_keeps_their_runs_apart() -> None:
    """Each thread leaves the run that it entered."""
    span = pattern_span("PAT-WITH-005")
    barrier = threading.Barrier(8)

    def work(number: int) -> tuple[str, int]:
        found = ""
        for turn in range(20):
            barrier.wait()
            with span as run:
                barrier.wait()
                assert current_run() is run
                run.result(number=number, turn=turn)
                found = run.run_id
        return found, number

    with captured_events() as events, ThreadPoolExecutor(8) as pool:
        last = dict(pool.map(work, range(8)))
    runs = by_run(events)
    assert [short(run) for run in runs] == [GOOD] * 160
    ends = {run[-1].pattern_run_id: run[-1].details["result_summary"] for run in runs}
    assert {run_id: ends[run_id]["number"] for run_id in last} == last


def test_one_object_in_many_tasks_at_once_keeps_their_runs_apart() -> None:
    """Tasks that leave in another order than they entered each end their own run."""
    span = pattern_span("PAT-WITH-006")

    async def work(number: int) -> tuple[str, int]:
        async with span as run:
            await asyncio.sleep(0.001 * (10 - number))
            assert current_run() is run
            run.result(number=number)
            return run.run_id, number

    async def main() -> dict[str, int]:
        return dict(await asyncio.gather(*map(work, range(10))))

    with captured_events() as events:
        expected = asyncio.run(main())
    found = {event.pattern_run_id: event.details["result_summary"]["number"] for event in events[10:]}
    assert found == expected


def test_one_object_in_generators_that_are_read_in_turns_keeps_their_runs_apart() -> None:
    """Blocks that are open across a yield are left in any order, each with its own result."""
    span = pattern_span("PAT-WITH-007")

    def stream(name: str) -> Generator[str, None, None]:
        with span as run:
            run.result(name=name)
            yield run.run_id
            yield "more"

    def read(events: list[Any]) -> None:
        first, second = stream("first"), stream("second")
        expected = {next(first): "first", next(second): "second"}
        with pytest.raises(ZeroDivisionError):
            first.throw(ZeroDivisionError())
        assert [event.event_type for event in events[2:]] == ["pattern.execution.failed"]
        assert expected[events[2].pattern_run_id] == "first"
        assert list(second) == ["more"]
        assert expected[events[3].pattern_run_id] == "second"

    with captured_events() as events:
        # A block that is open across a yield changes its reader's context: that is kept in here.
        contextvars.copy_context().run(read, events)


def test_blocks_on_an_exit_stack_end_in_order() -> None:
    """A stack enters and leaves for its caller."""
    span = pattern_span("PAT-WITH-008")
    with captured_events() as events:
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(span) for _ in range(3)]
            assert current_run() is runs[-1]
        assert not current_run()
    assert [event.pattern_run_id for event in events[3:]] == [run.run_id for run in reversed(runs)]


def test_a_plain_function_that_gives_back_an_awaitable_is_recorded_until_it_returns() -> None:
    """The awaitable is handed on untouched."""

    @pattern_span("PAT-CALL-014")
    def start() -> Any:
        return _plain_later(4)

    with captured_events() as events:
        waiting = start()
        assert short(events) == GOOD
        assert asyncio.run(waiting) == 8


def test_recursion_makes_runs_inside_runs() -> None:
    """Each call is a run of its own."""

    @pattern_span("PAT-CALL-015")
    def depth(number: int) -> int:
        return number if number == 0 else 1 + depth(number - 1)

    with captured_events() as events:
        assert depth(5) == 5
    assert [short(run) for run in by_run(events)] == [GOOD] * 6
