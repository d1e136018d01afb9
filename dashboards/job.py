"""Job: the runs of one job on a timeline, from Jaeger."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.panels import Jaeger, rows, search, shown_as, timeline, traces, transform
from dashboards.parts import TRACE_URL, begin, text

CHOOSE = "Choose a trace above, or give a trace id."


def one_job() -> Dashboard:
    """Return the dashboard."""
    board = begin("job", "Job", "One job: its trace, its timeline, and where its time went.", refresh="")
    board.with_variable(text("job_id", "Job", "Id of a job, such as JOB-01KAZG87630EFMN1W0DXAAY139."))
    board.with_variable(text("trace_id", "Trace", "Id of a trace: 32 hexadecimal digits."))
    link = TRACE_URL % "${__value.raw}&var-job_id=${job_id}"
    board.with_panel(
        traces(
            "Latest jobs",
            "The newest traces of the service: jobs, and runs that belong to none. Follow an id to see it below.",
            search(limit=50), empty="Jaeger has no trace of this service in this time.", size=(12, 8), link=link,
        )
    )  # fmt: skip
    board.with_panel(
        traces(
            "Traces of this job", "All traces with runs of the job whose id is given above. Mostly one; several where "
            "other processes took part that did not go on with its trace.",
            search('pattern.job.id="$job_id"', limit=50),
            empty="Give a job's id above; `patternspan runs --json` has it.", size=(12, 8), link=link,
        )
    )  # fmt: skip
    board.with_panel(
        timeline(
            "Timeline", "The trace chosen above: a bar for the job, its steps, each run of a pattern, each phase, each "
            "tool. Open a run to see its events, attributes and error.",
            Jaeger(query="$trace_id"), empty=CHOOSE, size=(24, 16),
        )
    )  # fmt: skip
    return board.with_panel(_spans())


def _spans() -> object:
    panel = rows(
        "Where the time went",
        "The spans of the trace, the longest first. One holds others: a job its steps, a run its phases.",
        Jaeger(query="$trace_id"), empty=CHOOSE, size=(24, 10), traces=True,
    )  # fmt: skip
    shown = {"operationName": "What", "startTime": "Began", "duration": "Took", "serviceName": "Service"}
    panel.with_transformation(transform("filterFieldsByName", include={"names": list(shown)}))
    panel.with_transformation(transform("sortBy", sort=[{"field": "duration", "desc": True}]))
    panel.with_transformation(transform("organize", renameByName=shown))
    panel.override_by_name("Began", shown_as(unit="dateTimeAsIso"))
    return panel.override_by_name("Took", shown_as(unit="ms"))
