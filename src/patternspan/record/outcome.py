"""What a return value or an exception says of a run: exit code, summary, error type, result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from patternspan.model.vocabulary import RunResult
from patternspan.record.redact import as_text

NON_ZERO_EXIT: Final = "non_zero_exit"
"""`error_type` of a run that failed by its exit code alone."""

_UNINFORMATIVE: Final = frozenset({type(None), str, bytes, int, float, bool, list, tuple, set})


def error_type(error: BaseException) -> str:
    """Return the class of an exception: bare for built-in and asyncio ones, with its module for others."""
    kind = type(error)
    module = str(kind.__module__)
    if module == "builtins" or module.startswith("asyncio"):
        return kind.__qualname__
    return f"{module}.{kind.__qualname__}"


def result_of(error: BaseException) -> RunResult:
    """Return how a run ended that was left by this exception."""
    if isinstance(error, SystemExit):
        return "success" if exit_code_of_exit(error) == 0 else "failure"
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutExpired":
        return "timeout"
    # By name, because asyncio, trio and concurrent.futures each have one, and none is loaded for this.
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)) or type(error).__name__ in {
        "CancelledError",
        "Cancelled",
    }:
        return "cancellation"
    return "error"


def exit_code_of_exit(error: SystemExit) -> int:
    """Return the exit code that the interpreter would give this SystemExit."""
    if error.code is None:
        return 0
    return int(error.code) if isinstance(error.code, int) else 1


def exit_code_of_error(error: BaseException) -> int | None:
    """Return the exit code that an exception carries, if it does (SystemExit, CalledProcessError)."""
    if isinstance(error, SystemExit):
        return exit_code_of_exit(error)
    return _code_in(getattr(error, "__dict__", None))


def message_of(error: BaseException) -> str:
    """Return the message of an exception; its class where it has none."""
    if isinstance(error, SystemExit):
        return f"exit code {exit_code_of_exit(error)}" if not isinstance(error.code, str) else error.code
    text = as_text(error).removeprefix(f"{type(error).__name__}: ").strip()
    return text or type(error).__name__


def description_of(details: Mapping[str, Any]) -> str:
    """Return the text of the span's error status from the details of a failing event."""
    checks = details.get("failed_checks")
    if checks:
        return "; ".join(f"{check['check']}: {check['error']}" for check in checks)
    return str(details.get("error_message", details.get("reason", "")))


def exit_code_of_result(result: object) -> int | None:
    """Return the `exit_code` (or `returncode`) that a returned value carries, else None.

    Reads mappings and plain attributes only: nothing of the caller's that could have an effect is called.
    """
    if type(result) in _UNINFORMATIVE:
        return None
    if type(result) is dict or isinstance(result, Mapping):
        return _code_in(result)
    code = _code_in(getattr(result, "__dict__", None))
    if code is None and "exit_code" in getattr(type(result), "__match_args__", ()):
        code = as_code(getattr(result, "exit_code", None))
    return code


def _code_in(members: Any) -> int | None:
    if type(members) is not dict and not isinstance(members, Mapping):
        return None
    code = as_code(members.get("exit_code"))
    return as_code(members.get("returncode")) if code is None else code


def as_code(value: object) -> int | None:
    """Return a whole number as an exit code; anything else is none."""
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None
