"""Executors of every kind, wrapped: what they return, raise and yield is what the caller gets."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from patternspan.record import guard
from patternspan.record.capture import ArgumentReader
from patternspan.record.current import NoRun
from patternspan.record.hub import hub
from patternspan.record.opening import Opening
from patternspan.record.run import Run


def begin(opening: Opening, inputs: dict[str, Any] | None) -> Run:
    """Open a run; where that fails, one that records nothing."""
    if hub.starter is not None:
        hub.start()
    if hub.enabled:
        try:
            return Run(opening, inputs)
        except Exception as error:  # noqa: BLE001
            guard.fault("start of run", error)
    return NoRun()


def _begin_call(opening: Opening, reader: ArgumentReader | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
    inputs = None
    if reader is not None:
        try:
            inputs = reader.read(args, kwargs, hub.max_value_chars)
        except Exception as error:  # noqa: BLE001 - the caller's objects may do anything when looked at
            guard.fault("captured arguments", error)
    return begin(opening, inputs)


def wrap(
    function: Callable[..., Any], target: Any, opening: Opening, reader: ArgumentReader | None
) -> Callable[..., Any]:
    """Return `function` with each call recorded; `target` is the plain function inside it, which tells its kind."""
    if inspect.isasyncgenfunction(target):
        wrapper = _wrap_async_generator(function, opening, reader)
    elif inspect.isgeneratorfunction(target):
        wrapper = _wrap_generator(function, opening, reader)
    elif inspect.iscoroutinefunction(target):
        wrapper = _wrap_coroutine(function, opening, reader)
    else:
        wrapper = _wrap_function(function, opening, reader)
    if not hasattr(function, "__qualname__"):
        # A partial goes by the name of its function, an object by that of its class.
        named = type(function) if inspect.isfunction(target) and target.__name__ == "__call__" else target
        named = named if hasattr(named, "__qualname__") else type(function)
        wrapper.__name__, wrapper.__qualname__ = named.__name__, named.__qualname__
        wrapper.__module__ = named.__module__
    return functools.wraps(function)(wrapper)


def _wrap_function(function: Callable[..., Any], opening: Opening, reader: ArgumentReader | None) -> Callable[..., Any]:
    def recorded(*args: Any, **kwargs: Any) -> Any:
        if not hub.enabled:
            return function(*args, **kwargs)
        run = begin(opening, None) if reader is None else _begin_call(opening, reader, args, kwargs)
        token = run.enter()
        try:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                run.end(token, error=error)
                raise
            run.end(token, result)
        except BaseException as error:  # also what a signal handler raised on the way into `end`
            run.ended_by(token, error)
            raise
        return result

    return recorded


def _wrap_coroutine(
    function: Callable[..., Awaitable[Any]], opening: Opening, reader: ArgumentReader | None
) -> Callable[..., Any]:
    async def recorded(*args: Any, **kwargs: Any) -> Any:
        run = _begin_call(opening, reader, args, kwargs)
        token = run.enter()
        try:
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                run.end(token, error=error)
                raise
            run.end(token, result)
        except BaseException as error:
            run.ended_by(token, error)
            raise
        return result

    return recorded


class _Steps:
    """The steps of one stream: inside each its run is current, with all that the body itself has made current."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._context: Context | None = None
        self._token: Any = None
        self._thrown: BaseException | None = None
        self.ignored_exit = False
        """Whether the body was told to end in its last step, and yielded an item."""

    def __enter__(self) -> None:
        self._token = self.run.enter() if self._context is None else otel_context.attach(self._context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        thrown, self._thrown = self._thrown, None
        self.ignored_exit = error is None and isinstance(thrown, GeneratorExit)
        self._context = otel_context.get_current()
        self.run.leave(self._token)
        if isinstance(error, GeneratorExit) and error is thrown:
            self.run.note(stream_complete=False)
            self.run.finish()
        elif error is not None and not isinstance(error, (StopIteration, StopAsyncIteration)):
            self.run.fail(error)

    def throw(self, into: Callable[[BaseException], Any], error: BaseException) -> Callable[[], Any]:
        """Return the step that throws what the caller has thrown: it belongs to the body."""
        self._thrown = error
        return functools.partial(into, error)


def _wrap_generator(
    function: Callable[..., Generator[Any, Any, Any]], opening: Opening, reader: ArgumentReader | None
) -> Callable[..., Any]:
    def recorded(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        steps = _Steps(_begin_call(opening, reader, args, kwargs))
        with steps:
            items = function(*args, **kwargs)
        advance: Callable[[], Any] = functools.partial(next, items)
        while True:
            try:
                with steps:
                    item = advance()
            except StopIteration as stop:
                steps.run.finish(stop.value)
                return stop.value
            try:
                sent = yield item
            except BaseException as error:  # noqa: BLE001
                advance = steps.throw(items.throw, error)
            else:
                advance = functools.partial(next, items) if sent is None else functools.partial(items.send, sent)

    return recorded


def _wrap_async_generator(
    function: Callable[..., AsyncGenerator[Any, Any]], opening: Opening, reader: ArgumentReader | None
) -> Callable[..., Any]:
    async def recorded(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        steps = _Steps(_begin_call(opening, reader, args, kwargs))
        with steps:
            items = function(*args, **kwargs)
        advance: Callable[[], Awaitable[Any]] = items.__anext__
        while True:
            try:
                with steps:
                    item = await advance()
            except StopAsyncIteration:
                steps.run.finish()
                return
            if steps.ignored_exit:  # Python never resumes such a generator, not even to close it
                steps.run.fail(RuntimeError("async generator ignored GeneratorExit"))
            try:
                sent = yield item
            except BaseException as error:  # noqa: BLE001
                advance = steps.throw(items.athrow, error)
            else:
                advance = items.__anext__ if sent is None else functools.partial(items.asend, sent)

    return recorded
