"""Panels: each with a title, a description for somebody who is new here, a unit, and what it says where nothing is."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import bargauge, heatmap, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    ScaleDistributionConfig,
    StackingConfig,
    VizLegendOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, Panel, ThresholdsConfig
from grafana_foundation_sdk.builders.heatmap import HeatmapColorOptions, YAxisConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    StackingMode,
    TableAutoCellOptions,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.parts import BLUE, GREEN, METRICS, TRACES

Steps = dict[float | None, str]
"""Colours from a value on; from None on is from the beginning."""


class JaegerQuery(AnyQuery):
    """What is asked of Jaeger: one trace by its id, or a search."""

    def __init__(self, **members: Any) -> None:
        self.members = members

    def to_json(self) -> dict[str, Any]:
        """Return the query as the data source's plugin takes it."""
        return {"refId": "A", "datasource": TRACES, **self.members}


class Jaeger(Builder[JaegerQuery]):
    """A builder for it, as panels take one."""

    def __init__(self, **members: Any) -> None:
        self._query = JaegerQuery(**members)

    def build(self) -> JaegerQuery:
        """Return the query."""
        return self._query


def search(tags: str = "", limit: int = 20) -> Jaeger:
    """Return a search for traces of the service in which a span has these attributes."""
    return Jaeger(queryType="search", service="$service", tags=tags, limit=limit)


def ask(expression: str, name: str = "", ref: str = "A", *, whole: bool = False, table: bool = False) -> Dataquery:
    """Return a query: a series over time, or one value at the end of it (`whole`)."""
    query = Dataquery().ref_id(ref).expr(expression).datasource(METRICS)
    if name:
        query.legend_format(name)
    if table:
        query.format(PromQueryFormat.TABLE)
    return query.instant() if whole or table else query.range()


def _describe(panel: Any, title: str, description: str, empty: str, size: tuple[int, int]) -> Any:
    width, height = size
    return panel.title(title).description(description).span(width).height(height).no_value(empty)


def thresholds(steps: Steps) -> ThresholdsConfig:
    """Return thresholds from values and colours."""
    made = [Threshold(value=value, color=color) for value, color in steps.items()]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def one_value(
    title: str, description: str, expression: str, *, unit: str = "short", empty: str = "none",
    steps: Steps | None = None, size: tuple[int, int] = (4, 4),
) -> stat.Panel:  # fmt: skip
    """Return a panel with one figure for the whole time that is shown."""
    panel: stat.Panel = _describe(stat.Panel(), title, description, empty, size)
    panel.datasource(METRICS).unit(unit).thresholds(thresholds(steps or {None: BLUE}))
    panel.graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.VALUE)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.with_target(ask(expression, whole=True))


def over_time(
    title: str, description: str, *queries: Dataquery, unit: str = "short", empty: str,
    size: tuple[int, int] = (12, 9), colors: dict[str, str] | None = None, stacked: bool = False,
    interval: str = "1m",
) -> timeseries.Panel:  # fmt: skip
    """Return a panel with lines over time, or bars on top of one another."""
    panel: timeseries.Panel = _describe(timeseries.Panel(), title, description, empty, size)
    panel.datasource(METRICS).unit(unit).min(0).interval(interval).line_width(1).fill_opacity(10)
    panel.legend(_legend()).show_points(VisibilityMode.AUTO).span_nulls(False)
    if stacked:
        panel.draw_style(GraphDrawStyle.BARS).fill_opacity(80)
        panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
    for query in queries:
        panel.with_target(query)
    return _colored(panel, colors)


def bars(
    title: str, description: str, query: Dataquery, *, unit: str = "short", empty: str, link: str = "",
    color: str = BLUE, colors: dict[str, str] | None = None, steps: Steps | None = None,
    size: tuple[int, int] = (12, 9),
) -> bargauge.Panel:  # fmt: skip
    """Return a panel with a bar for each series, the longest for the greatest."""
    panel: bargauge.Panel = _describe(bargauge.Panel(), title, description, empty, size)
    panel.datasource(METRICS).unit(unit).min(0).thresholds(thresholds(steps or {None: color}))
    panel.orientation(VizOrientation.HORIZONTAL).display_mode(BarGaugeDisplayMode.BASIC)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"])).with_target(query)
    if link:
        panel.override_by_regexp("/.*/", [links("Show this pattern", link)])
    return _colored(panel, colors)


def rows(
    title: str, description: str, *queries: Builder[Any], empty: str, size: tuple[int, int] = (24, 9),
    traces: bool = False,
) -> table.Panel:  # fmt: skip
    """Return a table."""
    panel: table.Panel = _describe(table.Panel(), title, description, empty, size)
    panel.datasource(TRACES if traces else METRICS).show_header(True).cell_options(TableAutoCellOptions())
    for query in queries:
        panel.with_target(query)
    return panel


def traces(title: str, description: str, query: Jaeger, *, empty: str, size: tuple[int, int], link: str) -> table.Panel:
    """Return a table of traces, each of which leads to its timeline."""
    panel = rows(title, description, query, empty=empty, size=size, traces=True)
    # By the names that fields are shown with, not those they have: that is what the plugin's answer is matched by.
    return panel.override_by_name("Trace ID", [links("Show its timeline", link)])


def heat(title: str, description: str, query: Dataquery, *, empty: str, size: tuple[int, int]) -> heatmap.Panel:
    """Return a heat map of durations whose exemplars lead to traces."""
    panel: heatmap.Panel = _describe(heatmap.Panel(), title, description, empty, size)
    scheme = HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(32).exponent(0.5).fill(BLUE)
    panel.datasource(METRICS).calculate(False).color(scheme).exemplars_color("orange").unit("short").interval("1m")
    panel.y_axis(YAxisConfig().unit("s")).scale_distribution(ScaleDistributionConfig().type(ScaleDistribution.LINEAR))
    return panel.with_target(query.exemplar(True).format(PromQueryFormat.HEATMAP))


def timeline(title: str, description: str, query: Jaeger, *, empty: str, size: tuple[int, int]) -> Panel:
    """Return the spans of a trace as bars in time."""
    panel: Panel = _describe(Panel(), title, description, empty, size)
    return panel.type("traces").datasource(TRACES).unit("s").with_target(query)


def links(title: str, url: str) -> DynamicConfigValue:
    """Return the property of a field that makes its values lead somewhere."""
    return DynamicConfigValue("links", [{"title": title, "url": url, "targetBlank": False}])


def shown_as(**properties: Any) -> list[DynamicConfigValue]:
    """Return properties of a field, such as its unit."""
    return [DynamicConfigValue(name, value) for name, value in properties.items()]


def transform(kind: str, **options: Any) -> DataTransformerConfig:
    """Return a transformation of what was answered."""
    return DataTransformerConfig(id_val=kind, options=options)


def _legend() -> VizLegendOptions:
    legend = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM).calcs([])


def _colored(panel: Any, colors: dict[str, str] | None) -> Any:
    for name, color in (colors or {}).items():
        fixed = FieldColor().mode(FieldColorModeId.FIXED).fixed_color(color).build()
        panel.override_by_name(name, [DynamicConfigValue("color", fixed)])
    return panel


GOOD_ABOVE: Steps = {None: "red", 0.9: "yellow", 0.98: GREEN}
"""For a rate of success."""
NONE_IS_GOOD: Steps = {None: GREEN, 1: "red"}
"""For a count of what should not happen."""
