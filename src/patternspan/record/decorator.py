"""`@pattern_span`: an executor's calls become pattern runs; also a `with` block around any code."""

from __future__ import annotations

import dis
import functools
import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast, overload

from opentelemetry.trace import TracerProvider

from patternspan.errors import ConfigError
from patternspan.record.capture import ArgumentReader, Capture
from patternspan.record.current import current_run
from patternspan.record.opening import Opening
from patternspan.record.redact import Redact
from patternspan.record.run import Run
from patternspan.record.wrapping import begin, wrap

P = ParamSpec("P")
R = TypeVar("R")

_PHASES: Final = ("selecting", "expanding", "validating", "executing")
_SHORT: Final = {"select": "selecting", "command": "executing"}
_OWNERS: Final = frozenset({"run", "current_run"})


@overload
def pattern_span(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def pattern_span(
    pattern_id: str | None = None,
    /,
    *,
    operation_kind: str | None = None,
    pattern_version: str | None = None,
    capture: Capture = False,
    redact: Redact | None = None,
    attempt: int | Literal["auto"] | None = None,
    phases: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    tracer_provider: TracerProvider | None = None,
) -> PatternSpan: ...
def pattern_span(
    pattern_id: Any = None,
    /,
    *,
    operation_kind: str | None = None,
    pattern_version: str | None = None,
    capture: Capture = False,
    redact: Redact | None = None,
    attempt: int | Literal["auto"] | None = None,
    phases: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    tracer_provider: TracerProvider | None = None,
) -> Any:
    """Record each call of an executor as a pattern run.

    Works bare or with arguments, on functions, coroutines, generators, async generators, methods, classmethods,
    staticmethods, partials and callable objects, and as `with pattern_span("PAT-X-001") as run:`. What the executor
    returns or raises is what the caller gets.

    - `pattern_id`: by default the function's module and qualified name.
    - `capture`: which arguments become the run's inputs: none (default), `True` for all, or their names.
    - `redact`: further member names to withhold, or a function (name, value) -> the value to write.
    - `attempt`: number of this try, or "auto" to count on after a failure in the same job or step; a later attempt
      links to the one before.
    - `phases`: whether `execution.started` waits for `run.executing()` or `run.command()`. By default it waits for the
      last phase that the executor's own code opens, and is written at once where it opens none.
    - `attributes`: more attributes of the run's span.

    Raises ConfigError (a ValueError) for an empty pattern id or something that cannot be decorated.
    """
    bare = callable(pattern_id) or isinstance(pattern_id, classmethod)  # which cannot be called, and is no id
    made = PatternSpan(
        None if bare else pattern_id,
        operation_kind=operation_kind,
        pattern_version=pattern_version,
        capture=capture,
        redact=redact,
        attempt=attempt,
        phases=phases,
        attributes=attributes,
        tracer_provider=tracer_provider,
    )
    return made(pattern_id) if bare else made


class PatternSpan:
    """What `pattern_span(...)` gives: a decorator, and a context manager, sync and async."""

    def __init__(self, pattern_id: str | None, *, capture: Capture, phases: bool | None, **options: Any) -> None:
        if pattern_id is not None and (not isinstance(pattern_id, str) or not pattern_id.strip()):
            raise ConfigError(f"pattern_span: a pattern id is a text such as 'PAT-SEMGRP-001', found {pattern_id!r}")
        _check_options(capture, options["redact"], options["attempt"])
        for name in ("operation_kind", "pattern_version"):
            if options[name] is not None and not isinstance(options[name], str):
                raise ConfigError(f"pattern_span: {name} is a text, found {options[name]!r}")
        provider = options.pop("tracer_provider")
        if provider is not None:
            options["tracer"] = provider.get_tracer("patternspan")
        self._pattern_id = pattern_id
        self._capture = (capture,) if isinstance(capture, str) else capture
        self._phases = phases
        self._options = options
        self._open: list[tuple[int, CodeType, Run]] = []

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return `function` with each call recorded as a run."""
        if isinstance(function, (classmethod, staticmethod)):
            return type(function)(self(function.__func__))
        if not callable(function) or isinstance(function, type):
            raise ConfigError(f"pattern_span decorates functions and callable objects, not {function!r}")
        target = _plain_function(function)
        name = _name_of(target)
        reader = ArgumentReader(function, self._capture) if self._capture else None
        opening = self._opening(name, getattr(target, "__code__", None))
        return cast("Callable[P, R]", wrap(function, target, opening, reader))

    def _opening(self, name: str, code: CodeType | None) -> Opening:
        told = "executing" if self._phases else ""
        waits_for = _last_phase(code) if self._phases is None else told
        return Opening(self._pattern_id or name, command=name, waits_for=waits_for, **self._options)

    def __enter__(self) -> Run:
        return self._enter(sys._getframe(1))  # noqa: SLF001 - the block's own code, to see which phases it opens

    def _enter(self, block: FrameType) -> Run:
        code = block.f_code
        name = _qualified(block.f_globals.get("__name__", ""), code.co_qualname)
        run = begin(self._opening(name, code), None)
        run.token = run.enter()
        self._open.append((id(block), code, run))
        return run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit(sys._getframe(1), error)  # noqa: SLF001

    def _exit(self, block: FrameType, error: BaseException | None) -> None:
        run = self._leave(block)
        run.end(run.token, error=error)

    def _leave(self, block: FrameType) -> Run:
        """Return the run to leave: one object may be entered many times at once, by threads, tasks and generators."""
        for opened in reversed(self._open.copy()):
            # The frame that entered last; an exit stack leaves in another one, and then the current run is meant.
            if opened[0] == id(block) and opened[1] is block.f_code:
                self._open.remove(opened)
                return opened[2]
        current = current_run()
        opened = next((opened for opened in reversed(self._open.copy()) if opened[2] is current), self._open[-1])
        self._open.remove(opened)
        return opened[2]

    async def __aenter__(self) -> Run:
        return self._enter(sys._getframe(1))  # noqa: SLF001

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit(sys._getframe(1), error)  # noqa: SLF001


def _check_options(capture: object, redact: object, attempt: object) -> None:
    """Raise ConfigError now, not at the first call."""
    if not isinstance(capture, Collection | bool):
        raise ConfigError(f"pattern_span: capture is True, False or names of arguments, found {capture!r}")
    if redact is not None and not callable(redact) and (isinstance(redact, str) or not isinstance(redact, Collection)):
        raise ConfigError(f"pattern_span: redact is a list of names or a function, found {redact!r}")
    if attempt not in (None, "auto") and (not isinstance(attempt, int) or isinstance(attempt, bool)):
        raise ConfigError(f'pattern_span: attempt is a number or "auto", found {attempt!r}')


def _plain_function(function: Any) -> Any:
    """Return the function inside partials and callable objects."""
    while isinstance(function, (functools.partial, functools.partialmethod)):
        function = function.func
    if not hasattr(function, "__code__") and not inspect.isbuiltin(function):
        call = inspect.getattr_static(type(function), "__call__", None)
        if inspect.isfunction(call):
            return call
    return function


def _name_of(target: Any) -> str:
    qualname = getattr(target, "__qualname__", type(target).__qualname__)
    return _qualified(getattr(target, "__module__", "") or "", qualname)


def _qualified(module: str, qualname: str) -> str:
    if module == "__main__":
        path = getattr(sys.modules["__main__"], "__file__", None) or ""
        module = path.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    name = qualname.replace("<locals>.", "").removesuffix(".__call__").removesuffix(".<module>")
    return f"{module}.{name}" if module and name != "<module>" else module or name


def _last_phase(code: CodeType | None) -> str:
    """Return the last phase that this code opens by name, else ""."""
    if code is None:
        return ""
    # What the functions of a module do is not what a block of the module does.
    codes = [code] if code.co_name == "<module>" else _codes_in(code)
    opened = {word for one in codes for word in _phases_in(one)}
    return next((word for word in reversed(_PHASES) if word in opened), "")


def _codes_in(code: CodeType) -> list[CodeType]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [code, *(deeper for one in inner for deeper in _codes_in(one))]


@functools.lru_cache(maxsize=1024)
def _phases_in(code: CodeType) -> frozenset[str]:
    """Return the phases that one code object opens.

    The four words in -ing are ours. `select` and `command` are anybody's: they count as methods of a variable called
    `run`, or of what `current_run()` gives.
    """
    found: set[str] = {word for word in _PHASES if word in code.co_names}
    if not _SHORT.keys() & set(code.co_names):
        return frozenset(found)
    owner = ""
    for instruction in dis.get_instructions(code):
        name = instruction.argval if isinstance(instruction.argval, str) else ""
        if instruction.opname in {"LOAD_ATTR", "LOAD_METHOD"}:
            if owner in _OWNERS and name in _SHORT:
                found.add(_SHORT[name])
            owner = name if name in _OWNERS else ""
        elif instruction.opname.startswith("LOAD_"):
            owner = name
        elif instruction.opname not in {"PRECALL", "CALL", "PUSH_NULL", "CACHE"}:
            owner = ""
    return frozenset(found)
