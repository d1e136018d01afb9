"""What all dashboards share: data sources, colours, variables, links, and how one is begun."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from dashboards.queries import ACTIVE, OPERATION, RUNS, SERVICE, WRITTEN

TAG: Final = "patternspan"
METRICS: Final = DataSourceRef(type_val="prometheus", uid="${metrics}")
TRACES: Final = DataSourceRef(type_val="jaeger", uid="${traces}")

GREEN, RED, YELLOW, BLUE, GREY = "green", "red", "yellow", "blue", "#8e8e8e"
RESULTS: Final = {
    "success": GREEN,
    "failure": RED,
    "error": "dark-red",
    "timeout": "orange",
    "cancellation": "purple",
    "skip": GREY,
}
"""The six results of a run, each in its colour on every dashboard."""

PATTERN_URL: Final = "/d/patternspan-pattern?${service:queryparam}&var-pattern=%s&${__url_time_range}"
TRACE_URL: Final = "/d/patternspan-job?${service:queryparam}&var-trace_id=%s&${__url_time_range}"


def begin(uid: str, title: str, description: str, refresh: str = "30s") -> Dashboard:
    """Return a dashboard with its data sources, its links to the others, and the variable `service`."""
    dashboard = Dashboard(f"Patterns: {title}").uid(f"patternspan-{uid}").description(description)
    dashboard.tags([TAG]).refresh(refresh).time("now-6h", "now").timezone("browser").readonly()
    dashboard.tooltip(DashboardCursorSync.CROSSHAIR)
    others = DashboardLink("Patterns").type(DashboardLinkType.DASHBOARDS).tags([TAG]).icon("external link")
    dashboard.link(others.tooltip("The other dashboards of patternspan").keep_time(True).include_vars(True))
    for variable in (_source("metrics", "prometheus"), _source("traces", "jaeger")):
        dashboard.with_variable(variable)
    return dashboard.with_variable(
        _query("service", "Service", "The application: its `service.name`.", f"label_values({WRITTEN}, job)")
        .regex("/(?:.*\\/)?(.+)/")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )


def operation() -> QueryVariable:
    """Return the variable that selects kinds of operations."""
    query = f"label_values({RUNS}{{{SERVICE}}}, pattern_operation_kind)"
    return _all(_query("operation", "Operation", "What patterns are run for.", query))


def patterns() -> QueryVariable:
    """Return the variable that selects any number of patterns."""
    return _all(pattern())


def pattern() -> QueryVariable:
    """Return the variable that selects one pattern; one that has not ended so far is among them."""
    names = f'__name__=~"{RUNS}|{ACTIVE}"'
    query = f"label_values({{{names}, {SERVICE}, {OPERATION}}}, pattern_id)"
    return _query("pattern", "Pattern", "Id of the pattern.", query)


def text(name: str, label: str, description: str) -> TextBoxVariable:
    """Return a variable that is typed in, or filled by a link."""
    return TextBoxVariable(name).label(label).description(description).default_value("")


def _query(name: str, label: str, description: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(METRICS)
        .query({"query": query, "refId": name, "qryType": 5})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _all(variable: QueryVariable) -> QueryVariable:
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".*").current(everything)


def _source(name: str, plugin: str) -> DatasourceVariable:
    chosen = VariableOption(selected=True, text=plugin.capitalize(), value=plugin)
    return (
        DatasourceVariable(name)
        .label(f"{name.capitalize()} from")
        .description(f"The {plugin.capitalize()} data source.")
        .type(plugin)
        .current(chosen)
    )
