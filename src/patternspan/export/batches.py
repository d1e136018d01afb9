"""Batches of spans: what fits into one message, and what becomes of a message that is refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan

from patternspan.export.spans import LineEvent

Parcel = tuple[str, list[ReadableSpan]]
"""A run and its spans, made from the log."""
Send = Callable[[list[ReadableSpan]], bool]
"""Sends spans and says whether they were accepted."""

MOST_BYTES: Final = 2 << 20
"""Most bytes of a batch. A collector takes 4 MiB by gRPC unless it is told otherwise, and sizes here are estimates."""
QUICK_SECONDS: Final = 1.0
"""A failure within this time is a refusal: where nobody answers, exporters try for longer by themselves."""
MOST_HALVINGS: Final = 10
"""Refusals in a row after which a collector is taken to refuse all: as many as it takes from 512 spans down to one."""
_OVERHEAD: Final = 64
"""Bytes that an attribute takes besides its value, about."""


class Sent(NamedTuple):
    """What became of a batch that was sent in parts."""

    refused: list[str]
    """Runs that were not accepted."""
    is_away: bool
    """Whether the collector took nothing in the end, so that there is no use in going on."""


def size_of(span: ReadableSpan) -> int:
    """Return about how many bytes of a message a span takes."""
    size = 4 * _OVERHEAD + _size_of_values(span.attributes or {})
    for event in span.events:
        if isinstance(event, LineEvent):  # its attributes are made when they are read, and that is not cheap
            size += len(event.line) + _OVERHEAD * event.line.count(b'":')
        else:
            size += _OVERHEAD + _size_of_values(event.attributes or {})
    return size


def _size_of_values(attributes: Any) -> int:
    return sum(
        _OVERHEAD + (len(value) if isinstance(value, (str, bytes)) else len(repr(value)))
        for value in attributes.values()
    )


def batched(parcels: Iterable[Parcel], most: int) -> Iterator[list[Parcel]]:
    """Yield runs with their spans, as many as a message has room for, and one at least."""
    batch: list[Parcel] = []
    count = size = 0
    for parcel in parcels:
        spans = len(parcel[1])
        bytes_ = sum(map(size_of, parcel[1]))
        if batch and (count + spans > most or size + bytes_ > MOST_BYTES):
            yield batch
            batch, count, size = [], 0, 0
        batch.append(parcel)
        count += spans
        size += bytes_
    if batch:
        yield batch


def send_in_parts(send: Send, parcels: list[Parcel], accept: Callable[[list[str]], None]) -> Sent:
    """Send a batch; where it is refused, in halves, so that a run which nobody takes holds up no other.

    `accept` is told the runs of each part right after it was accepted.
    """
    waiting, refused, in_a_row = [parcels], list[str](), 0
    while waiting:
        part = waiting.pop()
        began = time.monotonic()
        if send([span for _, spans in part for span in spans]):
            accept([run for run, _ in part])
            in_a_row = 0
            continue
        in_a_row += 1
        if time.monotonic() - began >= QUICK_SECONDS or in_a_row > MOST_HALVINGS:
            left = [run for one in (part, *waiting) for run, _ in one]
            return Sent(refused + left, is_away=True)
        if len(part) == 1:
            refused.append(part[0][0])
        else:
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
    return Sent(refused, is_away=False)
