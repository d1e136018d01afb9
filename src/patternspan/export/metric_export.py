"""Metrics of a process whose application has no MeterProvider: a provider of ours, and the thread that exports from it.

The SDK's own periodic reader waits at exit for as long as its exporter tries, and after a fork it goes on with the sums
of the parent under the parent's name. So the reader here has no timer; a thread of ours collects, is waited for within
a bound, and a forked child begins anew with its first run: with a provider, an exporter and a name of its own.
"""

from __future__ import annotations

import _thread
import math
import os
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from patternspan.export.metrics import register
from patternspan.record.guard import fault

_INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
_TIMEOUT: Final = "OTEL_METRIC_EXPORT_TIMEOUT"
_INSTANCE: Final = "service.instance.id"


class MetricExport:
    """Makes readers, collects from them at an interval, and once more at the end."""

    def __init__(self, resource: Resource, make_readers: Callable[[], list[MetricReader]], pattern_ids: int) -> None:
        self._resource = resource
        self._make_readers = make_readers
        self._pattern_ids = pattern_ids
        self._owner = 0
        self._begin_anew()
        metrics.set_meter_provider(self._make_provider(resource))
        self._owner = os.getpid()

    def _begin_anew(self) -> None:
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._readers: list[MetricReader] = []
        self._running = False

    def start(self) -> None:
        """Begin to export in this process, unless it has begun; costs no more than the start of a thread."""
        if self._running and self._owner == os.getpid():
            return
        if self._owner != os.getpid():
            self._begin_anew()
        self._running = True
        try:
            _thread.start_new_thread(self._run, (self._owner != os.getpid(),))
        except RuntimeError:
            self._running = False  # the interpreter is ending
        self._owner = os.getpid()

    def _make_provider(self, resource: Resource) -> MeterProvider:
        self._readers = self._make_readers()
        provider = MeterProvider(self._readers, resource, shutdown_on_exit=False)
        register(self._pattern_ids, provider)
        return provider

    def _run(self, is_child: bool) -> None:
        try:
            if is_child:
                name = Resource({_INSTANCE: str(uuid.uuid4())})
                self._make_provider(self._resource.merge(name))
            interval = _milliseconds(_INTERVAL, 60_000) / 1000
            while not self._stopping.wait(interval):
                self._collect()
            self._collect()
        except Exception as error:  # noqa: BLE001
            fault("metrics", error)
        finally:
            self._stopped.set()

    def _collect(self) -> None:
        for reader in self._readers:
            if not isinstance(reader, PeriodicExportingMetricReader):
                continue  # one that is asked from outside
            try:
                reader.collect(_milliseconds(_TIMEOUT, 30_000))
            except Exception as error:  # noqa: BLE001 - an exporter may do anything
                fault("metric exporter", error)

    def stop(self) -> None:
        """Have the last measurements exported; `wait` waits for that."""
        if self._owner == os.getpid():
            self._stopping.set()

    def wait(self, seconds: float) -> None:
        """Wait until the last measurements are exported, or that many seconds."""
        if not self._running or self._owner != os.getpid():
            return
        deadline = time.monotonic() + seconds
        if not self._stopped.wait(seconds):
            return  # a collector that does not answer; the thread ends with the process
        for reader in self._readers:
            reader.shutdown(max(0.0, deadline - time.monotonic()) * 1000)


def readers_for(exporters: list[Any]) -> list[MetricReader]:
    """Return a reader for each exporter; what is a reader already, such as a Prometheus one, stays as it is."""
    return [
        exporter
        if isinstance(exporter, MetricReader)
        else PeriodicExportingMetricReader(exporter, export_interval_millis=math.inf)
        for exporter in exporters
    ]


def named(resource: Resource) -> Resource:
    """Return the resource with an id of this process, where it has none: metrics of two must not be taken for one's."""
    if resource.attributes.get(_INSTANCE):
        return resource
    return resource.merge(Resource({_INSTANCE: str(uuid.uuid4())}))


def _milliseconds(variable: str, default: float) -> float:
    try:
        found = float(os.environ.get(variable, "") or default)
    except ValueError:
        return default
    return found if 0 < found < math.inf else default
