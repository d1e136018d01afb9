"""OpenTelemetry instrumentation for pattern runs.

Put `@pattern_span("PAT-…")` on an executor: each call becomes a span, each lifecycle event of it a span event and, at
the same moment, one JSON line in `state/events/pattern_events.jsonl`. `patternspan events` reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patternspan.errors import (
    ConfigError,
    ConformanceError,
    LineError,
    MissingExtraError,
    NotFoundError,
    PatternspanError,
)
from patternspan.model.event import PatternEvent
from patternspan.record.context import child_environment, job, step, wrap_context
from patternspan.record.current import current_run
from patternspan.record.decorator import pattern_span
from patternspan.record.hub import hub as _hub
from patternspan.record.hub import subscribe
from patternspan.record.run import Run

if TYPE_CHECKING:
    from patternspan.compat import PatternEventEmitter, PatternRunAggregator, emit_pattern_event
    from patternspan.evidence.checkpoint import checkpoint
    from patternspan.evidence.seal import seal
    from patternspan.evidence.verify import verify
    from patternspan.export.exporter import PatternJsonlExporter
    from patternspan.model.fold import fold
    from patternspan.model.run import PatternRun
    from patternspan.record.command import CommandResult
    from patternspan.setup import configure

__version__ = "0.1.0"

__all__ = [
    "CommandResult",
    "ConfigError",
    "ConformanceError",
    "LineError",
    "MissingExtraError",
    "NotFoundError",
    "PatternEvent",
    "PatternEventEmitter",
    "PatternJsonlExporter",
    "PatternRun",
    "PatternRunAggregator",
    "PatternspanError",
    "Run",
    "checkpoint",
    "child_environment",
    "configure",
    "current_run",
    "emit_pattern_event",
    "fold",
    "job",
    "pattern_span",
    "seal",
    "step",
    "subscribe",
    "verify",
    "wrap_context",
]

# Names whose modules load what recording does not need before the first run: files, the SDK, subprocess, readers.
_LATER = {
    "CommandResult": "patternspan.record.command",
    "PatternEventEmitter": "patternspan.compat",
    "PatternJsonlExporter": "patternspan.export.exporter",
    "PatternRun": "patternspan.model.run",
    "PatternRunAggregator": "patternspan.compat",
    "checkpoint": "patternspan.evidence.checkpoint",
    "configure": "patternspan.setup",
    "emit_pattern_event": "patternspan.compat",
    "fold": "patternspan.model.fold",
    "seal": "patternspan.evidence.seal",
    "verify": "patternspan.evidence.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'patternspan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)


def _start() -> None:
    """Configure with defaults, in the first run of a process that nobody has configured."""
    from patternspan.setup import start

    start()


_hub.starter = _start
