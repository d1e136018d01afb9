"""What is known of a run before it begins: fixed when an executor is decorated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Tracer

from patternspan.model.vocabulary import (
    OPERATION_KIND,
    PATTERN_ID,
    PATTERN_VERSION,
    SPAN_RUN,
    UNKNOWN_OPERATION,
)
from patternspan.record.redact import Redact
from patternspan.record.redact_rules import Rules, in_force
from patternspan.record.redact_sinks import redact_attributes, redact_id


class Opening:
    """The pattern, its options, and the attributes that a sampler sees when the span is made."""

    __slots__ = (
        "_attributes",
        "_given",
        "_rules",
        "attempt",
        "command",
        "operation_kind",
        "pattern_id",
        "pattern_version",
        "redact",
        "span_name",
        "tracer",
        "waits_for",
    )

    def __init__(
        self,
        pattern_id: str,
        *,
        command: str,
        operation_kind: str | None = None,
        pattern_version: str | None = None,
        redact: Redact | None = None,
        attempt: int | str | None = None,
        attributes: Mapping[str, Any] | None = None,
        tracer: Tracer | None = None,
        waits_for: str = "",
    ) -> None:
        self.pattern_id = pattern_id = redact_id(pattern_id)
        self.command = command
        """What stands as the command of a Python execution: the executor's qualified name."""
        self.operation_kind = operation_kind
        self.pattern_version = pattern_version
        self.redact = redact
        self.attempt = attempt
        self.tracer = tracer or trace.get_tracer("patternspan")
        self.span_name = f"{SPAN_RUN} {pattern_id}"
        self.waits_for = waits_for
        """The last phase that the executor's code opens by itself: `execution.started` waits for it."""
        self._given: dict[str, Any] = {PATTERN_ID: pattern_id, **(attributes or {})}
        if operation_kind is not None:
            self._given[OPERATION_KIND] = operation_kind
        if pattern_version is not None:
            self._given[PATTERN_VERSION] = pattern_version
        self._attributes: dict[str, Any] = {}
        self._rules: Rules | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that a sampler sees when the span is made, without secrets by the rules now in force."""
        if self._rules is not in_force.rules:
            self._attributes = redact_attributes(self._given)
            self._rules = in_force.rules
        return self._attributes

    @property
    def kind(self) -> str:
        """The operation kind, `unknown` where nobody named one."""
        return self.operation_kind or UNKNOWN_OPERATION

    def name_in(self, details: dict[str, Any]) -> None:
        """Put what the decorator knows into the details of the first event, where they do not say it themselves."""
        if self.operation_kind is not None and "operation_kind" not in details:
            details["operation_kind"] = self.operation_kind
        if self.pattern_version is not None and "template_version" not in details:
            details["pattern_version"] = self.pattern_version
