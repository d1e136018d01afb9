"""Pattern: the runs of one pattern, how long they and their phases took, how they ended, and their traces."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.panels import (
    GOOD_ABOVE,
    ask,
    bars,
    heat,
    one_value,
    over_time,
    rows,
    search,
    shown_as,
    traces,
    transform,
)
from dashboards.parts import BLUE, GREY, RED, RESULTS, TRACE_URL, begin, operation, pattern
from dashboards.queries import (
    ACTIVE,
    FINDINGS,
    PHASE_BUCKETS,
    PHASE_SECONDS,
    PHASES,
    RUN_BUCKETS,
    RUNS,
    SELECTED,
    WHOLE,
    gained,
    of,
    quantile,
    success_rate,
    total,
)

NOTHING = "No run of this pattern has ended in this time."
PHASE_COLORS = {"selection": "purple", "template": "light-blue", "validation": "yellow", "execution": BLUE}


def one_pattern() -> Dashboard:
    """Return the dashboard."""
    board = begin("pattern", "Pattern", "One pattern: its run times, phases, results, errors, attempts and traces.")
    board.with_variable(operation()).with_variable(pattern())
    _figures(board)
    board.with_panel(
        heat(
            "Run times", "How many runs took how long: the darker a cell, the more runs ended in that stretch of time "
            "after that many seconds. Each orange mark is one run; choose it to see its trace in Jaeger.",
            ask(total(RUN_BUCKETS, SELECTED, "$__interval", "le"), "{{le}}"), empty=NOTHING, size=(24, 10),
        )
    )  # fmt: skip
    _phases(board)
    _results(board)
    return _traces(board)


def _figures(board: Dashboard) -> None:
    figures = (
        one_value("Running now", "Runs of this pattern that have begun and not ended.", f"sum({of(ACTIVE, SELECTED)})"),
        one_value("Runs", "Runs that have ended in the time that is shown above.", total(RUNS, SELECTED)),
        one_value(
            "Success rate",
            "Share of runs that succeeded, of all that were not skipped. Green from 98 %, red below 90 %.",
            success_rate(SELECTED), unit="percentunit", empty="no run", steps=GOOD_ABOVE,
        ),
        one_value(
            "Half of runs took at most", "The median of run times, estimated between bucket bounds.",
            quantile(0.5, RUN_BUCKETS, SELECTED), unit="s", empty="no run",
        ),
        one_value(
            "95 % of runs took at most", "Only one run in twenty took longer. Estimated between bucket bounds.",
            quantile(0.95, RUN_BUCKETS, SELECTED), unit="s", empty="no run",
        ),
        one_value("Findings", "What the runs have found, as their results say.", total(FINDINGS, SELECTED)),
    )  # fmt: skip
    for panel in figures:
        board.with_panel(panel)


def _phases(board: Dashboard) -> None:
    mean = f"{total(PHASE_SECONDS, SELECTED, by='pattern_phase')} / {total(PHASES, SELECTED, by='pattern_phase')}"
    board.with_panel(
        bars(
            "Time of each phase, on average",
            "A run may go through four phases: a pattern is selected, its template filled in, what must hold is "
            "validated, and then it is executed. This is how long each took on average.",
            ask(mean, "{{pattern_phase}}", whole=True), unit="s", empty=NOTHING, colors=PHASE_COLORS,
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Slowest of each phase", "95 % of the phases that ended in each stretch of time took at most so long.",
            ask(quantile(0.95, PHASE_BUCKETS, SELECTED, "$__interval", "pattern_phase"), "{{pattern_phase}}"),
            unit="s", empty=NOTHING, colors=PHASE_COLORS,
        )
    )  # fmt: skip


def _results(board: Dashboard) -> None:
    versions = f'label_replace({gained(of(RUNS, SELECTED), WHOLE)}, "pattern_version", "(none)", "pattern_version", "")'
    by_version = rows(
        "Results, by version", "How many runs of each version of the pattern ended how.",
        ask(f"sum by (pattern_version, pattern_run_result) ({versions})", table=True), empty=NOTHING, size=(12, 8),
    )  # fmt: skip
    fields = {"columnField": "pattern_run_result", "rowField": "pattern_version", "valueField": "Value"}
    by_version.with_transformation(transform("groupingToMatrix", **fields, emptyValue="null"))
    by_version.override_by_name("pattern_version\\pattern_run_result", shown_as(displayName="Version"))
    board.with_panel(by_version)
    errors = total(RUNS, (*SELECTED, 'error_type!=""'), by="error_type")
    board.with_panel(
        bars(
            "Most frequent errors", "Runs that did not succeed, by type of the error: the class of an exception, "
            "`non_zero_exit` for a tool's exit code, `validation_failed` for a check that did not hold.",
            ask(f"topk(10, {errors})", "{{error_type}}", whole=True), color=RED,
            empty="No run of this pattern has failed in this time.", size=(12, 8),
        )
    )  # fmt: skip
    board.with_panel(
        over_time(
            "Results", "How many runs ended in each stretch of time, by how they ended.",
            ask(total(RUNS, SELECTED, "$__interval", "pattern_run_result"), "{{pattern_run_result}}"),
            empty=NOTHING, stacked=True, colors=RESULTS,
        )
    )  # fmt: skip
    attempts = total(RUNS, (*SELECTED, 'pattern_run_attempt!=""'), by="pattern_run_attempt, pattern_run_result")
    board.with_panel(
        bars(
            "Attempts", "Runs by number of the attempt and result: much on attempt 2 and later is work done twice.",
            ask(f"sort_desc({attempts})", "attempt {{pattern_run_attempt}}: {{pattern_run_result}}", whole=True),
            empty='Attempts are not counted here: `attempt="auto"` at the decorator does that.', color=GREY,
        )
    )  # fmt: skip


def _traces(board: Dashboard) -> Dashboard:
    link = TRACE_URL % "${__value.raw}"
    board.with_panel(
        traces(
            "Last jobs with a run of this pattern",
            "The newest traces in Jaeger; a trace is a job with all its runs, or one run that belongs to no job. "
            "Follow an id to see its timeline.",
            search('pattern.id="$pattern"'), empty="Jaeger has no run of this pattern in this time.", size=(12, 10),
            link=link,
        )
    )  # fmt: skip
    return board.with_panel(
        traces(
            "Last jobs in which it failed", "The newest traces in which a run of this pattern ended with an error.",
            search('pattern.id="$pattern" pattern.run.status=failed'),
            empty="Jaeger has no failed run of this pattern in this time.", size=(12, 10), link=link,
        )
    )  # fmt: skip
