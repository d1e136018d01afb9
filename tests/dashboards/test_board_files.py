"""The dashboards are what the code makes and Grafana takes, and whoever is new here can read them."""

import json
import re
import subprocess
import sys
from itertools import combinations

import jsonschema_rs
import pytest
import yaml
from boards import BOARDS, FOLDER, HOME, PAGE, expressions, label_queries, labels_in, metrics_in, panels

from patternspan.model import vocabulary

SCHEMAS = {
    name: jsonschema_rs.validator_for(schema)
    for name, schema in json.loads((HOME / "tests/dashboards/grafana.json").read_text()).items()
}
RESULT_COLORS = {
    "success": "green",
    "failure": "red",
    "error": "dark-red",
    "timeout": "orange",
    "cancellation": "purple",
    "skip": "#8e8e8e",
}
GRAFANAS_OWN = {"__all", "__range", "__interval", "__url_time_range", "__value", "__field"}
SUFFIXES = {"s": ("_seconds_bucket", "_seconds_sum", "_seconds_count"), "gauge": ("",), "counter": ("_total",)}
KINDS = {
    vocabulary.METRIC_RUN_DURATION: "s",
    vocabulary.METRIC_PHASE_DURATION: "s",
    vocabulary.METRIC_RUN_ACTIVE: "gauge",
}
METRICS = {value for name, value in vars(vocabulary).items() if name.startswith("METRIC_")}
EMITTED = {f"{name.replace('.', '_')}{end}" for name in METRICS for end in SUFFIXES[KINDS.get(name, "counter")]}
LABELS = {
    name.replace(".", "_")
    for name in (
        vocabulary.PATTERN_ID, vocabulary.OPERATION_KIND, vocabulary.RUN_RESULT, vocabulary.PATTERN_VERSION,
        vocabulary.RUN_ATTEMPT, vocabulary.ERROR_TYPE, vocabulary.PHASE, vocabulary.REDACTION_KIND,
    )
}  # fmt: skip


def complaints(board):
    """Return what Grafana's types say against a dashboard."""
    found = [(board["title"], problem.message) for problem in SCHEMAS["dashboard"].iter_errors({**board, "panels": []})]
    for panel in board["panels"]:
        fields = panel["fieldConfig"]["defaults"].get("custom", {})
        for part, value in (("panel", panel), ("options", panel.get("options", {})), ("fields", fields)):
            schema = SCHEMAS.get("panel" if part == "panel" else f"{panel['type']} {part}")
            if schema is not None:
                found += [(panel["title"], problem.message) for problem in schema.iter_errors(value)]
    return found


def provisioned():
    """Return the data sources that Grafana is given, by uid."""
    path = FOLDER / "provisioning/datasources/patternspan.yaml"
    return {source["uid"]: source for source in yaml.safe_load(path.read_text())["datasources"]}


def variables(board):
    """Return the variables of a dashboard by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}


def test_the_json_is_what_the_code_makes():
    done = subprocess.run([sys.executable, "scripts/dashboards", "--check"], cwd=HOME, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_four_dashboards():
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        "overview": "patternspan-overview",
        "pattern": "patternspan-pattern",
        "job": "patternspan-job",
        "health": "patternspan-health",
    }


@pytest.mark.parametrize("name", BOARDS)
def test_grafana_takes_a_dashboard(name):
    assert complaints(BOARDS[name]) == []


@pytest.mark.parametrize("kind", ["stat", "timeseries", "bargauge", "table", "heatmap"])
def test_an_option_that_grafana_does_not_know_is_found(kind):
    """The check would see a slip in each kind of panel."""
    panel = next(panel for _, panel in panels() if panel["type"] == kind)
    wrong = {**panel, "options": {**panel["options"], "colour": "green"}}
    assert len(complaints({"title": "wrong", "schemaVersion": 42, "panels": [wrong]})) == 1


@pytest.mark.parametrize("name", BOARDS)
def test_ids_are_unique_and_panels_lie_beside_each_other(name):
    board = BOARDS[name]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board["panels"]:
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
    for one, other in combinations([panel["gridPos"] for panel in board["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in board["panels"]) == 24


@pytest.mark.parametrize(
    ("name", "panel"), panels(), ids=lambda value: value if isinstance(value, str) else value["title"]
)
def test_a_panel_explains_itself(name, panel):
    """It has a title, a sentence about what it shows, a unit, and words for when there is nothing to show."""
    assert panel["title"]
    assert re.fullmatch(r"[A-Z0-9].{25,}[.]", panel["description"])
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["noValue"]
    assert panel["type"] == "table" or defaults["unit"]


def test_data_sources_are_those_that_are_provisioned():
    """Each reference names a variable; what the variable is by default is there, and of that kind."""
    sources = provisioned()
    for name, board in BOARDS.items():
        known = variables(board)
        asked = [part["datasource"] for panel in board["panels"] for part in (panel, *panel["targets"])]
        asked += [variable["datasource"] for variable in known.values() if "datasource" in variable]
        for reference in asked:
            variable = known[reference["uid"].removeprefix("${").removesuffix("}")]
            assert (variable["type"], variable["query"]) == ("datasource", reference["type"]), name
            assert sources[variable["current"]["value"]]["type"] == reference["type"], name


def test_exemplars_lead_to_jaeger():
    destinations = provisioned()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert [(one["name"], one["datasourceUid"]) for one in destinations] == [("trace_id", "jaeger")]
    heat = next(panel for _, panel in panels() if panel["type"] == "heatmap")
    assert [target["exemplar"] for target in heat["targets"]] == [True]


def test_links_lead_to_dashboards_and_variables_that_are_there():
    boards = {board["uid"]: board for board in BOARDS.values()}
    urls = re.findall(r'"url": "([^"]+)"', json.dumps(list(BOARDS.values())))
    assert {url.split("?")[0] for url in urls} == {"/d/patternspan-pattern", "/d/patternspan-job"}
    for url in urls:
        target = variables(boards[url.split("?")[0].removeprefix("/d/")])
        assert set(re.findall(r"var-(\w+)=", url)) | {"service"} <= set(target)


@pytest.mark.parametrize("name", BOARDS)
def test_variables_are_defined_and_used(name):
    board = BOARDS[name]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - GRAFANAS_OWN
    assert used | {"traces"} == set(variables(board)) | {"traces"}


def test_a_result_has_one_color():
    colors = [
        (override["matcher"]["options"], one["value"]["fixedColor"])
        for _, panel in panels()
        for override in panel["fieldConfig"]["overrides"]
        for one in override["properties"]
        if one["id"] == "color" and override["matcher"]["options"] in vocabulary.RESULTS
    ]
    assert {name: {color for of, color in colors if of == name} for name in vocabulary.RESULTS} == {
        name: {color} for name, color in RESULT_COLORS.items()
    }


def test_no_dashboard_asks_for_what_is_not_measured():
    """Metrics and labels are those of the vocabulary, of Prometheus itself and of the collector."""
    for name, query in [*((name, target["expr"]) for name, target in expressions()), *label_queries()]:
        own = {metric for metric in metrics_in(query) if not metric.startswith("otelcol_")} - {"up"}
        assert own <= EMITTED, name
        labels = labels_in(query) - {"job", "le", "instance"}
        assert labels <= LABELS or (labels == {"exporter"} and own == set()), name


def test_what_is_measured_is_on_a_dashboard_and_the_page():
    asked = {metric for _, target in expressions() for metric in metrics_in(target["expr"])}
    assert {name for name in EMITTED if name not in asked and f"`{name}`" not in PAGE} == set()
    assert {name for name in METRICS if f"`{name}`" not in PAGE} == set()
    assert {label for label in LABELS if f"`{label}`" not in PAGE} == set()


def test_titles_of_all_panels_are_on_the_page():
    """The page says of each panel which question it answers."""
    assert [panel["title"] for _, panel in panels() if f"**{panel['title']}**" not in PAGE] == []
