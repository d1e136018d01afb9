"""Runs as a lazy frame: what `fold` and `facts_of` say of a run's events, as one expression for every engine."""

from __future__ import annotations

from typing import Any, Final

import narwhals as nw

from patternspan.frames.columns import GIVEN
from patternspan.model.vocabulary import (
    EVENT_STATUSES,
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
    EXECUTION_STARTED,
    SELECTION_FAILED,
    SELECTION_RESOLVED,
    SELECTION_STARTED,
    TEMPLATE_EXPANDED,
    TERMINAL_TYPES,
    UNKNOWN_OPERATION,
    VALIDATION_COMPLETED,
    VALIDATION_FAILED,
    VALIDATION_STARTED,
)

RUN_COLUMNS: Final = (
    "pattern_run_id",
    "job_id",
    "step_id",
    "pattern_id",
    "operation_kind",
    "status",
    "result",
    "started_us",
    "last_us",
    "run_us",
    *(f"{phase}_us" for phase in GIVEN),
)
"""Of runs, in order; they mean what they mean in `patternspan.aggregate.facts.RunFacts`."""

_RUN: Final = "pattern_run_id"
_ORDER: Final = ("time_us", "event_id")
_STARTS: Final = {SELECTION_STARTED: "selection", VALIDATION_STARTED: "validation", EXECUTION_STARTED: "execution"}
_ENDS: Final = {
    SELECTION_RESOLVED: "selection",
    SELECTION_FAILED: "selection",
    VALIDATION_COMPLETED: "validation",
    VALIDATION_FAILED: "validation",
    EXECUTION_COMPLETED: "execution",
    EXECUTION_FAILED: "execution",
}
"""What begins a phase and what ends it. A template has no start: its phase begins where the event before it stands."""
_TIMED: Final = ("selection", "validation", "execution")
_OPEN: Final = ("in_progress", "pending")
_OWN, _LATE = "0", "1"
"""Ends that another process wrote count after a run's own."""
_DIGITS: Final = 10
"""Of the place of an event among those of its run."""

Frame = nw.LazyFrame[Any]
col, lit, when = nw.col, nw.lit, nw.when


def runs_of(facts: Frame) -> Frame:
    """Return runs, `RUN_COLUMNS`, of the facts of events.

    An event that stands there twice counts once without being sought: the two are neighbours in order, and none of what
    is made here of a run is changed by an event that is followed by itself.
    """
    return _told(_grouped(_in_order(_marked(facts))))


def _marked(events: Frame) -> Frame:
    """Say of each event by itself what it is for its run."""
    kind, status, is_late = col("event_type"), col("status"), col("synthetic")
    is_known = status.is_in([known for known in EVENT_STATUSES if known not in _OPEN])
    is_done = status.is_in(_OPEN) & (kind == EXECUTION_COMPLETED)
    ended_as = when(is_known).then(status).otherwise(when(is_done).then(lit("success")).otherwise(lit("failed")))
    usual = when(ended_as == "failed").then(lit("failure")).otherwise(lit("success"))
    result = when(col("result").is_null()).then(usual).otherwise(col("result"))
    of_phase = kind.replace_strict(_STARTS | _ENDS, default=None, return_dtype=nw.String())
    return events.with_columns(
        # When another process wrote an end says nothing of when a phase was over.
        phase=when(~is_late).then(of_phase),
        is_phase_end=kind.is_in(sorted(_ENDS)),
        is_template=~is_late & (kind == TEMPLATE_EXPANDED),
        is_end=kind.is_in(sorted(TERMINAL_TYPES)) | (status == "skipped"),
        # What the run is if this is its end.
        ended_as=ended_as,
        result=when(ended_as == "skipped").then(lit("skip")).otherwise(result),
    )


def _in_order(events: Frame) -> Frame:
    """Say of each event what came before it.

    A phase lasts from its first start since its last end, to the next end: starts that repeat one count no more, and
    ends that have no start neither. So a start counts where the event of the phase before it is none or an end, and an
    end where it is a start.
    """
    in_phase, ends_phase = ~col("phase").is_null(), col("is_phase_end")
    is_after_end = col("is_after_end")
    return events.with_columns(
        before_us=col("time_us").shift(1).over(_RUN, order_by=_ORDER),
        place=col("event_id").cum_count().over(_RUN, order_by=_ORDER).cast(nw.String()).str.zfill(_DIGITS),
        is_after_end=ends_phase.shift(1).over(_RUN, "phase", order_by=_ORDER),
    ).with_columns(
        begins=in_phase & ~ends_phase & (is_after_end.is_null() | is_after_end),
        ends=in_phase & ends_phase & ~is_after_end.is_null() & ~is_after_end,
    )


def _grouped(events: Frame) -> Frame:
    """Put the events of each run together.

    Not every engine takes the first of many by another column. So what is wanted of the first or last event of a kind
    stands behind its place, and the least or greatest of these texts is taken.
    """
    time, no_step, kind = col("time_us"), col("step_id").is_null(), col("operation_kind")
    is_choice = (col("event_type") == SELECTION_RESOLVED) & (col("pattern_id") != "")
    rank = when(col("synthetic")).then(lit(_LATE)).otherwise(lit(_OWN))
    phases = []
    for name in _TIMED:
        is_of = col("phase") == name
        began, ended = when(is_of & col("begins")).then(time), when(is_of & col("ends")).then(time)
        phases += [
            began.sum().cast(nw.Int64()).alias(f"{name}_began"),
            began.count().alias(f"{name}_begun"),
            began.max().alias(f"{name}_last_began"),
            ended.sum().cast(nw.Int64()).alias(f"{name}_ended"),
            ended.count().alias(f"{name}_ends"),
        ]
    waited = when(col("is_template") & ~col("before_us").is_null()).then(time - col("before_us"))
    return events.group_by(_RUN).agg(
        time.min().alias("started_us"),
        time.max().alias("last_us"),
        _placed(col("job_id")).min().alias("job_id"),
        _placed(col("pattern_id")).min().alias("first_pattern_id"),
        when(is_choice).then(_placed(col("pattern_id"))).max().alias("chosen_pattern_id"),
        when(~no_step).then(_placed(col("step_id"))).min().alias("step_id"),
        when(~kind.is_null() & (kind != "")).then(_placed(kind)).min().alias("operation_kind"),
        *(
            when(col("is_end")).then(nw.concat_str(rank, _placed(value))).min().alias(f"end_{name}")
            for name, value in {
                "status": col("ended_as"),
                "result": col("result"),
                "us": time.cast(nw.String()),
            }.items()
        ),
        *phases,
        waited.sum().cast(nw.Int64()).alias("template_took"),
        when(col("is_template")).then(time).count().alias("template_ends"),
        *(
            when(~given.is_null()).then(_placed(given.cast(nw.String()))).max().alias(f"given_{name}_us")
            for name, given in ((name, col(f"given_{name}_us")) for name in GIVEN)
        ),
    )


def _placed(value: nw.Expr) -> nw.Expr:
    return nw.concat_str(col("place"), value)


def _told(runs: Frame) -> Frame:
    """Say of each run what is asked of it."""
    behind, behind_rank = _DIGITS, _DIGITS + 1
    status = col("end_status").str.slice(behind_rank)
    measured = {"template": when(col("template_ends") > 0).then(col("template_took").fill_null(0))}
    for name in _TIMED:
        # A start that no end has followed is the last one.
        left = when(col(f"{name}_begun") > col(f"{name}_ends")).then(col(f"{name}_last_began")).otherwise(lit(0))
        took = col(f"{name}_ended") - col(f"{name}_began") + left
        measured[name] = when(col(f"{name}_ends") > 0).then(took)
    phases = {}
    for name in GIVEN:
        given = col(f"given_{name}_us")
        phases[f"{name}_us"] = (
            when(given.is_null()).then(measured[name]).otherwise(given.str.slice(behind).cast(nw.Int64()))
        )
    chosen, kind = col("chosen_pattern_id"), col("operation_kind")
    return runs.with_columns(
        job_id=col("job_id").str.slice(behind),
        step_id=col("step_id").str.slice(behind),
        pattern_id=when(chosen.is_null()).then(col("first_pattern_id")).otherwise(chosen).str.slice(behind),
        operation_kind=when(kind.is_null()).then(lit(UNKNOWN_OPERATION)).otherwise(kind.str.slice(behind)),
        status=when(status.is_null()).then(lit("in_progress")).otherwise(status),
        result=col("end_result").str.slice(behind_rank),
        run_us=col("end_us").str.slice(behind_rank).cast(nw.Int64()) - col("started_us"),
        **phases,
    ).select(*RUN_COLUMNS)
