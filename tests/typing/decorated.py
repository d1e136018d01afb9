"""Decorating keeps every type: mypy in strict mode reads this file, and nothing runs it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, assert_type

from patternspan import Run, current_run, job, pattern_span, step, wrap_context
from patternspan.record.context import Scope


@pattern_span
def bare(number: int, *, text: str = "") -> list[str]:
    return [text] * number


@pattern_span("PAT-TYPE-001", operation_kind="scan", capture=["number"], attempt="auto")
def told(number: int, *, text: str = "") -> list[str]:
    return [text] * number


@pattern_span
async def later(number: int) -> str:
    return str(number)


@pattern_span("PAT-TYPE-002")
async def told_later(number: int) -> str:
    return str(number)


@pattern_span("PAT-TYPE-003")
def items(number: int) -> Generator[int, str, bool]:
    text = yield number
    return bool(text)


@pattern_span
def lines() -> Iterator[bytes]:
    yield b""


@pattern_span("PAT-TYPE-004")
async def later_items(number: int) -> AsyncGenerator[int, str]:
    yield number


@pattern_span
async def later_lines() -> AsyncIterator[bytes]:
    yield b""


class Tools:
    @pattern_span
    def method(self, number: int) -> str:
        return str(number)

    @pattern_span("PAT-TYPE-005")
    async def later(self, number: int) -> str:
        return str(number)

    @classmethod
    @pattern_span("PAT-TYPE-006")
    def of_class(cls, number: int) -> str:
        return str(number)

    @staticmethod
    @pattern_span
    def static(number: int) -> str:
        return str(number)

    @pattern_span("PAT-TYPE-015")
    @staticmethod
    def static_inside(number: int) -> str:
        return str(number)

    @property
    @pattern_span("PAT-TYPE-007")
    def value(self) -> int:
        return 1


class Scanner:
    def __call__(self, path: str) -> int:
        return len(path)


def results() -> None:
    """What calls give."""
    assert_type(bare(1, text="a"), list[str])
    assert_type(told(1), list[str])
    assert_type(items(1), Generator[int, str, bool])
    assert_type(lines(), Iterator[bytes])
    assert_type(later_items(1), AsyncGenerator[int, str])
    assert_type(later_lines(), AsyncIterator[bytes])
    assert_type(Tools().method(1), str)
    assert_type(Tools.of_class(1), str)
    assert_type(Tools.static(1), str)
    assert_type(Tools.static_inside(1), str)
    assert_type(Tools().value, int)
    assert_type(pattern_span("PAT-TYPE-008")(Scanner())("src"), int)
    assert_type(pattern_span(Scanner())("src"), int)
    assert_type(pattern_span("PAT-TYPE-009")(len)([1]), int)


async def later_results() -> None:
    """What awaiting gives."""
    waiting = assert_type(later(1), Coroutine[Any, Any, str])
    assert_type(await waiting, str)
    assert_type(await told_later(1), str)
    assert_type(await Tools().later(1), str)
    async with pattern_span("PAT-TYPE-010") as run, job() as scope, step():
        assert_type(run, Run)
        assert_type(scope, Scope)


def blocks() -> None:
    """What `with` gives; an exception passes, so the code after it is not always reached."""
    with pattern_span("PAT-TYPE-011") as run, job("JOB-1") as scope:
        assert_type(run, Run)
        assert_type(scope.job_id, str)
        with run.validating() as validation:
            assert_type(validation.check("tool"), bool)
        assert_type(run.command(["true"]).exit_code, int)
    assert_type(current_run(), Run)


def raises() -> int:
    """A block never swallows: no return is missing after it."""
    with pattern_span("PAT-TYPE-012"), job(), step():
        return 1


def parameters() -> None:
    """Wrong arguments are found, as without the decorator; an ignore that is not needed is an error too."""
    bare("1")  # type: ignore[arg-type]
    bare(1, txt="a")  # type: ignore[call-arg]
    told()  # type: ignore[call-arg]
    items("1")  # type: ignore[arg-type]
    Tools().method("1")  # type: ignore[arg-type]
    Tools.of_class("1")  # type: ignore[arg-type]
    pattern_span("PAT-TYPE-013", nonsense=1)  # type: ignore[call-overload]
    pattern_span("PAT-TYPE-013", attempt="sometimes")  # type: ignore[call-overload]


def as_values() -> None:
    """Decorated functions fit where the bare ones do."""
    one: Callable[[int], Awaitable[str]] = later
    two: Callable[[int], list[str]] = bare
    three: AbstractContextManager[Run] = pattern_span("PAT-TYPE-014")
    four: AbstractAsyncContextManager[Run] = pattern_span("PAT-TYPE-014")
    assert_type(wrap_context(two)(1), list[str])
    assert_type([one, three, four], list[object])
