"""The lines of one run: what all of them share is encoded once, so that a line costs little more than its details."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import UNSET, UnsetType

from patternspan.model.vocabulary import EVENT_STATUSES, EVENT_TYPES
from patternspan.model.wire import encode_value

_TYPES: Final[dict[str, str]] = {kind: f'","event_type":"{kind}","timestamp":"' for kind in EVENT_TYPES}
_STATUSES: Final[dict[str, str]] = {status: f',"status":"{status}","details":' for status in EVENT_STATUSES}


class RunLines:
    """Makes the canonical lines of one run, byte for byte what `model.wire.encode` makes of the same event."""

    __slots__ = ("_end", "_middle")

    def __init__(
        self,
        job_id: str,
        step_id: str | None,
        run_id: str,
        pattern_id: str,
        trace_id: str | UnsetType = UNSET,
        span_id: str | UnsetType = UNSET,
    ) -> None:
        """Take a run id that was made here, and others that may be anything.

        Raises ValueError where one holds half of a surrogate pair, which UTF-8 cannot.
        """
        self._middle = (
            f'","job_id":{_json(job_id)},"step_id":{_json(step_id)},"pattern_run_id":"{run_id}"'
            f',"pattern_id":{_json(pattern_id)}'
        )
        trace = "" if trace_id is UNSET else f',"trace_id":"{trace_id}","span_id":"{span_id}"'
        self._end = f"{trace}}}\n".encode()

    def line(self, event_id: str, event_type: str, time: str, status: str, details: bytes) -> bytes:
        """Return one line, its newline included; `details` are encoded."""
        head = f'{{"event_id":"{event_id}{_TYPES[event_type]}{time}{self._middle}{_STATUSES[status]}'
        return head.encode() + details + self._end


@lru_cache(256)
def _json(text: str | None) -> str:
    return encode_value(text).decode()
