"""The shape of `details`: one type per event type, and the members that any of them may have besides.

A member that is not named here is allowed everywhere. The descriptions are those of the JSON Schema, which
`scripts/schema` makes from this file; `patternspan.model.conform` judges by it.
"""

# Without `from __future__ import annotations`: TypedDict must see Required and NotRequired to count them.
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, NotRequired, Required, TypedDict, get_type_hints

from msgspec import Meta

from patternspan.model.vocabulary import EventType, SelectionMethod

Number = Annotated[float, Meta(ge=0)]
"""A number of 0 or more."""
Count = Annotated[int, Meta(ge=0)]
"""A whole number of 0 or more."""


class CommonDetails(TypedDict, total=False):
    """Members that the details of any event type may have."""

    operation_kind: Annotated[str, Meta(description="What the pattern does, such as `security_scan`.")]
    pattern_version: Annotated[str, Meta(description="Version of the pattern that was run.")]
    inputs_preview: Annotated[dict[str, Any], Meta(description="Inputs of the run, shortened and redacted.")]
    skip_reason: Annotated[str, Meta(description="Why the run was left out; goes with status `skipped`.")]
    synthetic: Annotated[bool, Meta(description="True where another process ended a run that had died.")]
    process: Annotated[dict[str, Any], Meta(description="Process of the run: `host`, `pid`, `start`, `namespace`.")]
    otel: Annotated[dict[str, Any], Meta(description="Of the span: `parent`, and `sampled` where that is false.")]
    metrics: Annotated[dict[str, float], Meta(description="Figures for the run's `metrics`, by name.")]
    tool_name: Annotated[str, Meta(description="Name of the tool that the pattern runs.")]
    tool_version: Annotated[str, Meta(description="Version of that tool.")]
    warnings: Annotated[list[str], Meta(description="What went less than well, a text each.")]
    stream_complete: Annotated[bool, Meta(description="False where a stream was left before its last item.")]
    duration_seconds: Annotated[Number, Meta(description="How long it took, as the tool says.")]


class SelectionStarted(TypedDict, total=False):
    """The search for a fitting pattern begins."""

    operation_kind: Required[Annotated[str, Meta(description="What a pattern is sought for.")]]
    candidate_patterns: Required[Annotated[list[str], Meta(description="Ids of the patterns considered.")]]
    context: NotRequired[
        Annotated[dict[str, Any], Meta(description="What the choice rests on: tool, language, file types.")]
    ]


class SelectionResolved(TypedDict, total=False):
    """A pattern has been chosen."""

    pattern_id: Required[Annotated[str, Meta(description="Id of the chosen pattern.")]]
    selection_method: Required[Annotated[SelectionMethod, Meta(description="How it was chosen.")]]
    inputs_preview: Required[Annotated[dict[str, Any], Meta(description="Inputs of the run, shortened and redacted.")]]
    operation_kind: NotRequired[Annotated[str, Meta(description="What the pattern was sought for.")]]


class SelectionFailed(TypedDict, total=False):
    """No pattern could be chosen; this ends the run."""

    reason: Required[Annotated[str, Meta(description="Why none was chosen.")]]
    attempted_patterns: Required[Annotated[list[str], Meta(description="Ids of the patterns tried.")]]
    operation_kind: NotRequired[Annotated[str, Meta(description="What a pattern was sought for.")]]
    error: NotRequired[Annotated[str, Meta(description="Text of the error behind it.")]]


class TemplateExpanded(TypedDict, total=False):
    """The pattern's template has been filled in."""

    variables_resolved: Required[Annotated[Count, Meta(description="Number of variables filled in.")]]
    generated_artifacts: Required[Annotated[list[str], Meta(description="Paths of the files made.")]]
    template_version: NotRequired[Annotated[str, Meta(description="Version of the template.")]]
    command_preview: NotRequired[Annotated[str, Meta(description="The command to come, shortened.")]]


class ValidationStarted(TypedDict, total=False):
    """Checks before the execution begin."""

    validation_type: Required[Annotated[str, Meta(description="Kind of validation: `pre_execution`, …")]]
    checks: Required[Annotated[list[str], Meta(description="Names of the checks to be made.")]]


class ValidationCompleted(TypedDict, total=False):
    """The checks let the run go on."""

    checks_passed: Required[Annotated[Count, Meta(description="Number of checks that passed.")]]
    checks_failed: Required[Annotated[Count, Meta(description="Number of checks that did not.")]]
    validation_type: NotRequired[Annotated[str, Meta(description="Kind of validation.")]]
    warnings: NotRequired[
        Annotated[list[str], Meta(description="What was found but does not stop the run; status `warning`.")]
    ]


class FailedCheck(TypedDict):
    """One check that failed."""

    check: Annotated[str, Meta(description="Name of the check.")]
    error: Annotated[str, Meta(description="What it found.")]


class ValidationFailed(TypedDict, total=False):
    """The checks stop the run; this ends it."""

    failed_checks: Required[Annotated[list[FailedCheck], Meta(description="The checks that failed.")]]
    validation_type: NotRequired[Annotated[str, Meta(description="Kind of validation.")]]
    checks_passed: NotRequired[Annotated[Count, Meta(description="Number of checks that passed.")]]
    checks_failed: NotRequired[Annotated[Count, Meta(description="Number of checks that did not.")]]


class ExecutionStarted(TypedDict, total=False):
    """The pattern's work begins."""

    executor: Required[Annotated[str, Meta(description="What executes it: `subprocess`, `python`, …")]]
    command: Required[Annotated[str, Meta(description="The command line, or the name of the function.")]]
    working_dir: NotRequired[Annotated[str, Meta(description="Folder in which it runs.")]]
    timeout_seconds: NotRequired[Annotated[Number, Meta(description="Time after which it is stopped.")]]


class ExecutionCompleted(TypedDict, total=False):
    """The pattern's work is done; this ends the run."""

    exit_code: Required[Annotated[int, Meta(description="Exit code of the tool, 0 for a function.")]]
    duration_seconds: Required[Annotated[Number, Meta(description="How long it took, as the tool says.")]]
    result_summary: Required[Annotated[dict[str, Any], Meta(description="The result in a few members.")]]
    artifacts: Required[Annotated[list[str], Meta(description="Paths of the files made.")]]
    stdout_lines: NotRequired[Annotated[Count, Meta(description="Number of lines on standard output.")]]
    stderr_lines: NotRequired[Annotated[Count, Meta(description="Number of lines on standard error.")]]


class ExecutionFailed(TypedDict, total=False):
    """The pattern's work broke off or went wrong; this ends the run."""

    exit_code: Required[Annotated[int | None, Meta(description="Exit code of the tool, or null.")]]
    error_type: Required[Annotated[str, Meta(description="Class of the error, such as `TimeoutError`.")]]
    error_message: Required[Annotated[str, Meta(description="The error's message.")]]
    duration_seconds: NotRequired[Annotated[Number, Meta(description="How long it took until then.")]]
    stdout_preview: NotRequired[Annotated[str, Meta(description="Part of standard output.")]]
    stderr_preview: NotRequired[Annotated[str, Meta(description="Part of standard error.")]]


DETAILS: Final[dict[EventType, type]] = {
    "pattern.selection.started": SelectionStarted,
    "pattern.selection.resolved": SelectionResolved,
    "pattern.selection.failed": SelectionFailed,
    "pattern.template.expanded": TemplateExpanded,
    "pattern.validation.started": ValidationStarted,
    "pattern.validation.completed": ValidationCompleted,
    "pattern.validation.failed": ValidationFailed,
    "pattern.execution.started": ExecutionStarted,
    "pattern.execution.completed": ExecutionCompleted,
    "pattern.execution.failed": ExecutionFailed,
}
"""The type of `details` for each event type."""


class Member(NamedTuple):
    """One member of a details type: its type as annotated, and whether it must be there."""

    kind: Any
    required: bool


@cache
def members_of(shape: type) -> Mapping[str, Member]:
    """Return the members of a details type by name, in order."""
    required: frozenset[str] = shape.__required_keys__  # type: ignore[attr-defined]
    hints = get_type_hints(shape, include_extras=True)
    return {name: Member(_unwrapped(kind), name in required) for name, kind in hints.items()}


def _unwrapped(kind: Any) -> Any:
    return kind.__args__[0] if getattr(kind, "__origin__", None) in {Required, NotRequired} else kind
