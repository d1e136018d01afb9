"""The processor's own account: what it has noted as owed stays so, and its ledger stays small."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Tracer

from patternspan.export.batches import Parcel
from patternspan.export.ledger import Ledger, read_account
from patternspan.export.outbox import OutboxSpanProcessor, Source
from patternspan.export.queue_limits import QueueLimits
from patternspan.model.vocabulary import RUN_ID

PROCESS = {"host": "here", "pid": 812, "start": "5f0e6a1c-7300"}


class Accepting(SpanExporter):
    """Takes everything."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def begun(
    tmp_path: Path, limits: QueueLimits, source: Source | None = None
) -> tuple[OutboxSpanProcessor, Ledger, Tracer]:
    ledger = Ledger(str(tmp_path), "grpc http://localhost:4317", {})
    processor = OutboxSpanProcessor(Accepting, ledger, source, None, lambda: PROCESS, limits)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return processor, ledger, provider.get_tracer("patternspan")


def start(tracer: Tracer, run: str) -> Any:
    return tracer.start_span("pattern.run PAT-X-001", attributes={RUN_ID: run})


def test_what_is_lost_while_debts_are_paid_is_owed_as_well(tmp_path: Path) -> None:
    """The queue overflows during the first delivery out of the log; a second one makes up for that."""
    paid: list[set[str]] = []

    def source(ledger: Ledger) -> Iterator[Parcel]:
        account = read_account(ledger.path)
        assert account is not None
        debts = account.owed - account.accepted
        paid.append(debts)
        if len(paid) == 1:
            for number in range(10):
                start(tracer, f"PRUN-{number}").end()
        for run in sorted(debts):
            span = other.start_span("pattern.run PAT-X-001")
            span.end()
            yield run, [span]

    other = TracerProvider(shutdown_on_exit=False).get_tracer("patternspan")
    processor, ledger, tracer = begun(tmp_path, QueueLimits(queue=4, batch=2, delay=0.01, exit=2), source)
    first = start(tracer, "PRUN-first")
    ledger.owe(["PRUN-old"])
    first.end()
    expected = {"PRUN-first", "PRUN-old", *(f"PRUN-{number}" for number in range(10))}

    def accepted() -> set[str]:
        account = read_account(ledger.path)
        return account.accepted if account is not None else set()

    wait_for(lambda: accepted() == expected)
    assert len(paid) == 2
    assert paid == [{"PRUN-old"}, {f"PRUN-{number}" for number in range(4, 10)}]
    processor.shutdown()
    assert os.listdir(tmp_path / "delivery") == []


def test_a_ledger_that_has_grown_is_begun_anew_with_what_is_not_settled(tmp_path: Path) -> None:
    """It names the run that is open still, and those that were accepted just now."""
    processor, ledger, tracer = begun(tmp_path, QueueLimits(queue=1 << 17, batch=512, delay=0.01, exit=5))
    still_open = start(tracer, "PRUN-open")
    names = [f"PRUN-{number:030}" for number in range(30_000)]
    for name in names:
        start(tracer, name).end()
    start(tracer, "PRUN-last").end()
    wait_for(lambda: processor.books.exported == len(names) + 1)
    wait_for(lambda: os.path.getsize(ledger.path) < 1 << 20)
    wait_for(lambda: {names[-1], "PRUN-last"} <= getattr(read_account(ledger.path), "accepted", set()))

    account = read_account(ledger.path)
    assert account is not None
    assert 0 < account.since_ns <= min(account.renewed_ns, still_open.start_time)
    # One more may have been open at that moment, and was accepted afterwards.
    assert f"{still_open.get_span_context().span_id:016x}" in account.open
    assert len(account.open) <= 2
    assert {names[-1], "PRUN-last"} <= account.accepted
    assert os.listdir(tmp_path / "delivery") == [ledger.name]
    still_open.end()
    processor.shutdown()
    assert os.listdir(tmp_path / "delivery") == []
