"""What a run gathers until its end, and the details of its last event that this becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from patternspan.model.vocabulary import RunResult
from patternspan.record import guard
from patternspan.record.capture import bounded_members, redacted
from patternspan.record.outcome import exit_code_of_result

if TYPE_CHECKING:
    from patternspan.record.command_result import CommandResult


class Gathered:
    """Result summary, artifacts, warnings, exit code and the tool that was run."""

    __slots__ = ("artifacts", "exit_code", "members", "summary", "tool", "warnings")

    def __init__(self) -> None:
        self.summary: dict[str, Any] = {}
        self.artifacts: list[str] = []
        self.warnings: list[str] = []
        self.members: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.tool: CommandResult | None = None
        """The first tool that failed, else the last."""

    def take_summary(self, members: Mapping[Any, Any], limit: int) -> None:
        """Add members to the result summary, bounded."""
        try:
            if self.summary:
                self.summary.update(bounded_members(members, limit))
            else:
                self.summary = bounded_members(members, limit)
        except Exception as error:  # noqa: BLE001 - a mapping of the caller's may do anything
            guard.fault("result", error)

    def take_returned(self, returned: object, limit: int) -> None:
        """Take what the executor returned: a mapping is the summary, an exit code in it counts."""
        if type(returned) is dict or isinstance(returned, Mapping):
            self.take_summary(returned, limit)
            made = self.summary.get("artifacts")
            if isinstance(made, list):
                self.artifacts.extend(path for path in map(str, made) if path not in self.artifacts)
        try:
            code = exit_code_of_result(returned)
        except Exception:  # noqa: BLE001 - an object that cannot be asked carries no exit code
            return
        if code is not None:
            self.exit_code = code

    def code(self) -> int:
        """Return the run's exit code: the one that was said, else the tool's where it failed, else 0."""
        if self.exit_code is not None:
            return self.exit_code
        return 0 if self.tool is None or self.tool.ok else self.tool.exit_code

    def why(self, code: int) -> str:
        """Return the message of a run that failed by its exit code alone."""
        return f"exit code {code}" if self.tool is None or self.tool.ok else self.tool.explanation

    def completed(self, code: int, seconds: float, preview_chars: int) -> dict[str, Any]:
        """Return the details of `execution.completed`."""
        details = {
            "exit_code": code,
            "duration_seconds": seconds,
            "result_summary": self.summary,
            "artifacts": self.artifacts,
        }
        if self.warnings:
            details["warnings"] = self.warnings
        return self._with_rest(details, preview_chars)

    def failed(
        self,
        code: int | None,
        kind: str,
        message: str,
        result: RunResult,
        seconds: float,
        limits: tuple[int, int],
    ) -> dict[str, Any]:
        """Return the details of `execution.failed`; `limits` are the longest message and the longest preview."""
        details: dict[str, Any] = {
            "exit_code": code,
            "error_type": kind,
            "error_message": redacted(message, limits[0]),
            "duration_seconds": seconds,
            "result": result,
        }
        lists = {"result_summary": self.summary, "artifacts": self.artifacts, "warnings": self.warnings}
        details.update({name: value for name, value in lists.items() if value})
        return self._with_rest(details, limits[1])

    def _with_rest(self, details: dict[str, Any], preview_chars: int) -> dict[str, Any]:
        if self.tool is not None:
            details.update(self.tool.details(preview_chars))
        # What the caller noted stands beside what the run knows itself, and never in its place.
        return {**self.members, **details} if self.members else details
