"""Many values into a histogram at the price of few.

`Histogram.record` checks and hashes the labels of each value, which costs more than a whole run. So values are taken
in batches of the same labels. The last value of each bucket goes the public way: with it the SDK makes the series, and
keeps it as the bucket's exemplar, which is the last one always. The values before it are then added to the same series
at once. Where an SDK is not built as it is known here, a histogram is somebody else's, or a view has changed the
labels, every value goes the public way; a test holds both ways equal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from operator import itemgetter
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, set_span_in_context

_WORTH: Final = 8
"""Values fewer than these go the public way."""
_MEMBERS: Final = ("_value", "_sum", "_min", "_max", "_boundaries", "_lock", "_record_min_max", "_attributes")
_RESERVOIR: Final = "AlignedHistogramBucketExemplarReservoir"
"""The SDK's own for such histograms, which keeps the last value of each bucket."""

Values = list[tuple[float, SpanContext]]


def record_all(histogram: Histogram, boundaries: Sequence[float], labels: Mapping[str, Any], values: Values) -> None:
    """Record values of one series, in order, each with the span that it was measured in."""
    last = {bisect_left(boundaries, value[0]): value for value in values}
    rest = list(map(itemgetter(0), values))
    for value in last.values():
        _record(histogram, labels, value)
        rest.remove(value[0])
    if len(rest) < _WORTH or not _added(histogram, labels, rest):
        for number in rest:
            _record(histogram, labels, (number, INVALID_SPAN_CONTEXT))


def _record(histogram: Histogram, labels: Mapping[str, Any], value: tuple[float, SpanContext]) -> None:
    # A context of its own: neither a span nor the baggage of whoever collects belongs to the value.
    histogram.record(value[0], labels, set_span_in_context(NonRecordingSpan(value[1]), Context()))


def _added(histogram: Any, labels: Mapping[str, Any], values: list[float]) -> bool:
    """Add values to the series that has these labels, in each of the SDK's readers; False where that cannot be done."""
    histogram = getattr(histogram, "_real_instrument", histogram)
    try:
        storages = histogram._measurement_consumer._reader_storages.values()  # noqa: SLF001 - see above
        matches = [match for storage in storages for match in storage._instrument_view_instrument_matches[histogram]]  # noqa: SLF001
        with ExitStack() as locks:
            for match in matches:
                locks.enter_context(match._lock)  # noqa: SLF001 - held: no reader takes the series away meanwhile
            series = [_series(match, labels) for match in matches]
            if not series or None in series:
                return False
            for one in series:
                _add(one, values)
    except (AttributeError, KeyError):
        return False
    return True


def _series(match: Any, labels: Mapping[str, Any]) -> Any:
    """Return the series of a stream that has these labels and is kept as it is known here, else None."""
    for series in match._attributes_aggregation.values():  # noqa: SLF001
        if getattr(series, "_attributes", None) == labels:
            known = all(hasattr(series, name) for name in _MEMBERS)
            return series if known and type(series._reservoir).__name__ == _RESERVOIR else None  # noqa: SLF001
    return None


def _add(series: Any, values: list[float]) -> None:
    buckets = Counter(bisect_left(series._boundaries, value) for value in values)  # noqa: SLF001
    with series._lock:  # noqa: SLF001
        if series._value is None:  # noqa: SLF001
            series._value = series._get_empty_bucket_counts()  # noqa: SLF001
        for bucket, count in buckets.items():
            series._value[bucket] += count  # noqa: SLF001
        series._sum += sum(values)  # noqa: SLF001
        if series._record_min_max:  # noqa: SLF001
            series._min, series._max = min(series._min, *values), max(series._max, *values)  # noqa: SLF001
