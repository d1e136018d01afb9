"""What `opentelemetry-instrument` finds of this package: recording is set up before the program begins.

The entry point wants the face of a `BaseInstrumentor`. That class comes with opentelemetry-instrumentation, which
nobody needs who does not use it, and none of it is needed here.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

from patternspan.errors import PatternspanError
from patternspan.record.guard import report
from patternspan.setup import configure, declare, shutdown_log

_OPTIONS: Final = frozenset(inspect.signature(configure).parameters)


class PatternspanInstrumentor:
    """Attaches log and metrics to the providers that OpenTelemetry's own set-up has made."""

    def instrumentation_dependencies(self) -> list[str]:
        """Return what must be installed: nothing else."""
        return []

    def instrument(self, **options: Any) -> None:
        """Configure from `options`, the environment and the file.

        What is wrong there is reported, and the program goes on. Options come from the file of `OTEL_CONFIG_FILE`
        (`instrumentation/development`, `python`); what is none of `configure()`'s is passed over.
        """
        try:
            declare({name: value for name, value in options.items() if name in _OPTIONS})
        except PatternspanError as error:
            report("configuration", str(error), always=True)

    def uninstrument(self, **_options: Any) -> None:
        """Close the log; runs after that are recorded on their spans alone."""
        shutdown_log()
