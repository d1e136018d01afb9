"""How many spans wait, and for how long: the `OTEL_BSP_…` variables, as the specification has them."""

from __future__ import annotations

import os
from typing import NamedTuple


class QueueLimits(NamedTuple):
    """The bounds of a queue of spans."""

    queue: int = 2048
    """Most spans that wait (`OTEL_BSP_MAX_QUEUE_SIZE`)."""
    batch: int = 512
    """Most spans that are sent at once (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`)."""
    delay: float = 5.0
    """Seconds after which fewer are sent, too (`OTEL_BSP_SCHEDULE_DELAY`, in milliseconds)."""
    exit: float = 4.0
    """Longest time in seconds that a process waits for its spans at exit (`OTEL_BSP_EXPORT_TIMEOUT` where less)."""

    @classmethod
    def from_environment(cls) -> QueueLimits:
        """Return what the variables say; what is no positive number is passed over."""
        queue = _positive("OTEL_BSP_MAX_QUEUE_SIZE", 2048)
        batch = min(queue, _positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512))
        delay = _positive("OTEL_BSP_SCHEDULE_DELAY", 5000) / 1000
        return cls(queue, batch, delay, min(4.0, _positive("OTEL_BSP_EXPORT_TIMEOUT", 30_000) / 1000))


def _positive(variable: str, default: int) -> int:
    try:
        number = int(os.environ.get(variable, "").strip() or default)
    except ValueError:
        return default
    return number if number > 0 else default
