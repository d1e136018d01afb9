"""Overview: what runs now, how much ran, how it ended, how long it took, and what it found."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.panels import (
    GOOD_ABOVE,
    ask,
    bars,
    links,
    one_value,
    over_time,
    rows,
    search,
    shown_as,
    traces,
    transform,
)
from dashboards.parts import BLUE, GREEN, PATTERN_URL, RESULTS, TRACE_URL, YELLOW, begin, operation, patterns
from dashboards.queries import (
    ACTIVE,
    FINDINGS,
    RUN_BUCKETS,
    RUNS,
    SELECTED,
    longest_running,
    of,
    quantile,
    success_rate,
    total,
)

NOTHING = "No run has ended in this time."
ENDS = {
    "failure": ("Failures", "a tool's exit code or a check said that it did not work"),
    "error": ("Errors", "the code raised an exception"),
    "timeout": ("Timeouts", "its time was over before it was done"),
    "cancellation": ("Cancellations", "somebody or something ended it before it was done"),
    "skip": ("Skipped", "it was left out on purpose, which is no failure"),
}


def overview() -> Dashboard:
    """Return the dashboard."""
    board = begin("overview", "Overview", "All patterns of a service: what runs, how it ends, how long it takes.")
    board.with_variable(operation()).with_variable(patterns())
    _figures(board)
    _ends(board)
    _graphs(board)
    _rankings(board)
    board.with_panel(_table())
    return board.with_panel(
        traces(
            "Longest jobs that have ended",
            "The newest 200 traces, the longest first. A trace is a job with all its runs, or one run that belongs to "
            "no job. Follow a trace's id to see where its time went.",
            search(limit=200), empty="Jaeger has no trace of this service in this time.", size=(24, 9),
            link=TRACE_URL % "${__value.raw}",
        )
        .with_transformation(transform("sortBy", sort=[{"field": "Duration", "desc": True}]))
        .with_transformation(transform("limit", limitField="10"))
    )  # fmt: skip


def _figures(board: Dashboard) -> None:
    board.with_panel(
        one_value(
            "Running now",
            "Runs that have begun and not ended. A process that was killed counts for five minutes more.",
            f"sum({of(ACTIVE, SELECTED)})", empty="none",
        )
    )  # fmt: skip
    board.with_panel(
        one_value(
            "Runs", "Runs that have ended in the time that is shown above, however they ended.", total(RUNS, SELECTED)
        )
    )
    board.with_panel(
        one_value(
            "Success rate",
            "Share of runs that succeeded, of all that were not skipped. Green from 98 %, red below 90 %.",
            success_rate(SELECTED), unit="percentunit", empty="no run", steps=GOOD_ABOVE,
        )
    )  # fmt: skip
    board.with_panel(
        one_value(
            "Findings", "What the runs have found, as their results say: a scanner's hits, for example.",
            total(FINDINGS, SELECTED), steps={None: BLUE},
        )
    )  # fmt: skip
    for share, name in ((0.5, "Half of runs took at most"), (0.95, "95 % of runs took at most")):
        board.with_panel(
            one_value(
                name, f"The {share:.0%} quantile of run times, estimated between bucket bounds from 0.1 s to 1 h: "
                "for runs shorter than 0.1 s it is a rough figure.",
                quantile(share, RUN_BUCKETS, SELECTED), unit="s", empty="no run",
            )
        )  # fmt: skip


def _ends(board: Dashboard) -> None:
    for result, (title, meaning) in ENDS.items():
        expression = total(RUNS, (*SELECTED, f'pattern_run_result="{result}"'))
        steps = {None: GREEN, 1: RESULTS[result]} if result != "skip" else {None: RESULTS[result]}
        board.with_panel(
            one_value(title, f"Runs that ended so in the time that is shown: {meaning}.", expression, steps=steps)
        )
    board.with_panel(
        one_value("Runs in the last hour", "Runs that ended in the hour before now.", total(RUNS, SELECTED, "1h"))
    )


def _graphs(board: Dashboard) -> None:
    board.with_panel(
        over_time(
            "Runs per hour, by result",
            "Each point counts the runs that ended in the hour before it, by how they ended.",
            ask(total(RUNS, SELECTED, "1h", "pattern_run_result"), "{{pattern_run_result}}"),
            empty=NOTHING, size=(16, 9), colors=RESULTS,
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Running, by pattern", "How many runs of each pattern were open at each moment.",
            ask(f"sum by (pattern_id) ({of(ACTIVE, SELECTED)})", "{{pattern_id}}"),
            empty="No run was open in this time.", size=(8, 9), interval="15s",
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Run time", "Half of the runs that ended in each stretch of time took at most p50, and 95 % at most p95. "
            "Gaps are times in which no run ended.",
            ask(quantile(0.5, RUN_BUCKETS, SELECTED, "$__interval"), "p50", "A"),
            ask(quantile(0.95, RUN_BUCKETS, SELECTED, "$__interval"), "p95", "B"),
            unit="s", empty=NOTHING, colors={"p50": BLUE, "p95": "dark-blue"},
        )
    )  # fmt: skip


def _rankings(board: Dashboard) -> None:
    slowest = quantile(0.95, RUN_BUCKETS, SELECTED, by="pattern_id")
    board.with_panel(
        bars(
            "Slowest patterns",
            "The ten patterns with the longest run times: 95 % of a pattern's runs took at most so long.",
            ask(f"topk(10, {slowest} > 0)", "{{pattern_id}}", whole=True),
            unit="s", empty=NOTHING, link=PATTERN_URL % "${__field.labels.pattern_id}",
        )
    )  # fmt: skip
    board.with_panel(
        bars(
            "Longest running",
            "Patterns that run now, and how long ago none of their runs was open: the oldest open run is at "
            "most so old (looked at up to 6 h back). Metrics know no single run: `patternspan runs --status running` "
            "names each, with its age.",
            ask(f"topk(10, {longest_running(SELECTED)})", "{{pattern_id}}", whole=True),
            unit="s", empty="Nothing runs now.", link=PATTERN_URL % "${__field.labels.pattern_id}",
            steps={None: BLUE, 3600: YELLOW},
        )
    )  # fmt: skip
    board.with_panel(
        bars(
            "Findings, by pattern", "What the runs of each pattern have found, in the time that is shown.",
            ask(f"topk(10, {total(FINDINGS, SELECTED, by='pattern_id')})", "{{pattern_id}}", whole=True),
            empty="No run has reported findings in this time.", link=PATTERN_URL % "${__field.labels.pattern_id}",
        )
    )  # fmt: skip


def _table() -> object:
    failed = total(RUNS, (*SELECTED, 'pattern_run_result=~"failure|error|timeout|cancellation"'), by="pattern_id")
    asked = {
        "A": total(RUNS, SELECTED, by="pattern_id"),
        "B": success_rate(SELECTED, by="pattern_id"),
        "C": f"{failed} or {total(RUNS, SELECTED, by='pattern_id')} * 0",
        "D": quantile(0.95, RUN_BUCKETS, SELECTED, by="pattern_id"),
    }
    names = {
        "pattern_id": "Pattern",
        "Value #A": "Runs",
        "Value #B": "Success rate",
        "Value #C": "Not succeeded",
        "Value #D": "95 % took at most",
    }
    panel = rows(
        "Patterns", "Each pattern that has run in this time. Follow its id for more about it.",
        *(ask(expression, ref=ref, table=True) for ref, expression in asked.items()), empty=NOTHING,
    )  # fmt: skip
    panel.with_transformation(transform("merge"))
    panel.with_transformation(transform("organize", excludeByName={"Time": True}, renameByName=names))
    panel.override_by_name("Pattern", [links("Show this pattern", PATTERN_URL % "${__value.raw}")])
    panel.override_by_name("Success rate", shown_as(unit="percentunit"))
    return panel.override_by_name("95 % took at most", shown_as(unit="s"))
