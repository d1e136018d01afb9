"""Pipeline health: whether events and spans arrive, and what was cut, withheld or lost on their way."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.models.dashboard import ValueMap, ValueMappingResult

from dashboards.panels import NONE_IS_GOOD, ask, bars, one_value, over_time
from dashboards.parts import BLUE, GREEN, RED, YELLOW, begin
from dashboards.queries import (
    DROPPED,
    EXPORTED,
    REDACTED,
    SERVICE,
    SPANS_DROPPED,
    TRUNCATED,
    WRITTEN,
    total,
)

HERE = (SERVICE,)
SILENT = "This service has sent no metrics in this time."
NO_COLLECTOR = (
    "Prometheus has nothing of the collector: is it among its targets, as in collector-config/prometheus.yaml?"
)


# The title, what is counted, the metric, and colours.
FIGURES: Final = (
    ("Events written", "Events that the service has written to its log, pattern_events.jsonl.", WRITTEN, {None: BLUE}),
    (
        "Events dropped",
        "Events that could not be written, as on a full disk: holes in the log. `patternspan doctor` says why.",
        DROPPED,
        NONE_IS_GOOD,
    ),
    ("Spans exported", "Spans that the collector has accepted from the service.", EXPORTED, {None: BLUE}),
    (
        "Spans dropped",
        "Spans given up: queue full, or refused. Their events are in the log; `patternspan deliver` sends them again.",
        SPANS_DROPPED,
        NONE_IS_GOOD,
    ),
    (
        "Values cut",
        "Values that were longer than `max_value_chars`, and were cut in the log and in spans.",
        TRUNCATED,
        {None: GREEN, 1: YELLOW},
    ),
    (
        "Secrets withheld",
        "Passwords, tokens and keys that were recognised, and replaced by `[redacted:…]` before anything was written.",
        REDACTED,
        {None: GREEN, 1: YELLOW},
    ),
)


def health() -> Dashboard:
    """Return the dashboard."""
    board = begin("health", "Pipeline health", "Whether events and spans arrive, and what was lost, cut or withheld.")
    _figures(board)
    _flow(board)
    _collector(board)
    return board


def _figures(board: Dashboard) -> None:
    for title, description, metric, steps in FIGURES:
        shown = f"{description} In the time that is shown."
        board.with_panel(one_value(title, shown, total(metric, HERE), steps=steps))


def _flow(board: Dashboard) -> None:
    what = "Events written and dropped in each stretch of time."
    board.with_panel(_beside_dropped("Events", what, "written", WRITTEN, DROPPED))
    what = "Spans that the collector accepted, and those that were given up, in each stretch of time."
    board.with_panel(_beside_dropped("Spans", what, "exported", EXPORTED, SPANS_DROPPED))
    board.with_panel(
        bars(
            "Secrets withheld, by kind", "What kind of secret was recognised, and how often.",
            ask(total(REDACTED, HERE, by="pattern_redaction_kind"), "{{pattern_redaction_kind}}", whole=True),
            color=YELLOW, empty="No secret was recognised in this time.", size=(12, 8),
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Events, by process", "Which processes of the service write, by their `service.instance.id`.",
            ask(total(WRITTEN, HERE, "$__interval", "instance"), "{{instance}}"),
            empty=SILENT, size=(12, 8), stacked=True,
        )
    )  # fmt: skip


def _beside_dropped(title: str, description: str, word: str, metric: str, dropped: str) -> Panel:
    """Return a panel with what arrived, under this word, and what did not."""
    return over_time(
        title, description,
        ask(total(metric, HERE, "$__interval"), word, "A"),
        ask(total(dropped, HERE, "$__interval"), "dropped", "B"),
        empty=SILENT, colors={word: GREEN, "dropped": RED},
    )  # fmt: skip


def _collector(board: Dashboard) -> None:
    reachable = one_value(
        "Collector", "Whether Prometheus reaches the collector: both its own figures and those that applications sent.",
        'min(up{job=~"patternspan|gateway"})', empty="not among the targets", steps={None: RED, 1: GREEN}, size=(6, 8),
    )  # fmt: skip
    words = {"0": ValueMappingResult(text="not reachable"), "1": ValueMappingResult(text="reachable")}
    board.with_panel(reachable.mappings([ValueMap(options=words)]))
    board.with_panel(
        over_time(
            "Spans through the collector",
            "Spans of all services that the collector took in, refused (its memory full; senders try again) and sent.",
            ask(total("otelcol_receiver_accepted_spans", (), "$__interval"), "taken in", "A"),
            ask(total("otelcol_receiver_refused_spans", (), "$__interval"), "refused", "B"),
            ask(total("otelcol_exporter_sent_spans", (), "$__interval", "exporter"), "sent to {{exporter}}", "C"),
            empty=NO_COLLECTOR, colors={"taken in": GREEN, "refused": RED}, size=(10, 8),
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Queue of the collector", "How full the queue before each exporter is. It grows while Jaeger is away; at "
            "100 % the collector refuses spans.",
            ask("max by (exporter) (otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)", "{{exporter}}"),
            unit="percentunit", empty=NO_COLLECTOR, size=(8, 8),
        )
    )  # fmt: skip
