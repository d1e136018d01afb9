"""OpenTelemetry instrumentation for pattern runs.

Put `@pattern_span("PAT-…")` on an executor: each call becomes a span, each lifecycle event of it a span event and, at
the same moment, one JSON line in `state/events/pattern_events.jsonl`. `patternspan events` reads it.
"""

from __future__ import annotations

import os as _os
import sys as _sys
import threading as _threading
from typing import TYPE_CHECKING, Any

from patternspan.errors import (
    ConfigError,
    ConformanceError,
    LineError,
    MissingExtraError,
    NotFoundError,
    PatternspanError,
    StoreError,
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
    from patternspan.condition import Health, health
    from patternspan.evidence.checkpoint import checkpoint
    from patternspan.evidence.seal import seal
    from patternspan.evidence.verify import verify
    from patternspan.export.bridge import EventToSpanEventBridge
    from patternspan.export.exporter import PatternJsonlExporter
    from patternspan.importing import Imported, import_events
    from patternspan.job_state import JobStateStore
    from patternspan.log.reader import BadLine
    from patternspan.model.fold import fold
    from patternspan.model.run import PatternRun
    from patternspan.own_provider import otlp_span_processor
    from patternspan.reading import follow_events, read_events
    from patternspan.record.command_result import CommandResult
    from patternspan.record.redact import redact
    from patternspan.recovery import recover
    from patternspan.setup import configure
    from patternspan.upkeep import prune, rotate

__version__ = "0.1.0"

__all__ = [
    "BadLine",
    "CommandResult",
    "ConfigError",
    "ConformanceError",
    "EventToSpanEventBridge",
    "Health",
    "Imported",
    "JobStateStore",
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
    "StoreError",
    "checkpoint",
    "child_environment",
    "configure",
    "current_run",
    "emit_pattern_event",
    "fold",
    "follow_events",
    "health",
    "import_events",
    "job",
    "otlp_span_processor",
    "pattern_span",
    "prune",
    "read_events",
    "recover",
    "redact",
    "rotate",
    "seal",
    "step",
    "subscribe",
    "verify",
    "wrap_context",
]

# Names whose modules load what recording does not need before the first run: files, the SDK, subprocess, readers.
_LATER = {
    "BadLine": "patternspan.log.reader",
    "CommandResult": "patternspan.record.command_result",
    "Health": "patternspan.condition",
    "Imported": "patternspan.importing",
    "JobStateStore": "patternspan.job_state",
    "PatternEventEmitter": "patternspan.compat",
    "PatternJsonlExporter": "patternspan.export.exporter",
    "PatternRun": "patternspan.model.run",
    "PatternRunAggregator": "patternspan.compat",
    "checkpoint": "patternspan.evidence.checkpoint",
    "configure": "patternspan.setup",
    "emit_pattern_event": "patternspan.compat",
    "fold": "patternspan.model.fold",
    "health": "patternspan.condition",
    "import_events": "patternspan.importing",
    "follow_events": "patternspan.reading",
    "EventToSpanEventBridge": "patternspan.export.bridge",
    "otlp_span_processor": "patternspan.own_provider",
    "read_events": "patternspan.reading",
    "recover": "patternspan.recovery",
    "redact": "patternspan.record.redact",
    "seal": "patternspan.evidence.seal",
    "verify": "patternspan.evidence.verify",
    "prune": "patternspan.upkeep",
    "rotate": "patternspan.upkeep",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'patternspan' has no attribute {name!r}")
    from importlib import import_module

    with _loading:
        found = globals()[name] = getattr(import_module(_LATER[name]), name)
    return found


def _start() -> None:
    """Configure with defaults, in the first run of a process that nobody has configured."""
    with _loading:
        from patternspan.setup import start

    start()


_hub.starter = _start


_loading = _threading.RLock()
"""Held while parts are loaded, and by a thread that forks: a child would wait for ever for what is half loaded."""
_LOADING_SECONDS = 2.0


def _finish_imports() -> None:
    """Before a fork: wait, within bounds, for parts that another thread is loading, and let none begin."""
    _held.append(_loading if _loading.acquire(timeout=_LOADING_SECONDS) else None)
    for name, module in list(_sys.modules.items()):
        if name.startswith("patternspan.") and getattr(getattr(module, "__spec__", None), "_initializing", False):
            __import__(name)


def _go_on() -> None:
    """After a fork, in the parent."""
    lock = _held.pop() if _held else None
    if lock is not None:
        lock.release()


def _begin_anew() -> None:
    """After a fork, in the child: whoever else waited for the lock or held it is not there."""
    global _loading
    _held.clear()
    _loading = _threading.RLock()


_held: list[Any] = []
_os.register_at_fork(before=_finish_imports, after_in_parent=_go_on, after_in_child=_begin_anew)
