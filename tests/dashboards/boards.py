"""The dashboards as they stand in the repository, and what they ask for."""

import json
import re
from pathlib import Path

HOME = Path(__file__).parents[2]
FOLDER = HOME / "dashboards"
BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "json").glob("*.json"))}
PAGE = (HOME / "docs" / "grafana.md").read_text()
WORDS = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
FUNCTIONS = {
    *("sum", "by", "min", "max", "and", "or", "topk", "sort_desc", "time", "timestamp", "histogram_quantile"),
    *("last_over_time", "max_over_time", "min_over_time", "label_replace"),
}


def panels():
    """Return pairs of a dashboard's name and a panel."""
    return [(name, panel) for name, board in BOARDS.items() for panel in board["panels"]]


def expressions():
    """Return a name and the query of each PromQL expression of a panel."""
    return [
        (f"{name}, {panel['title']}, {target['refId']}", target)
        for name, panel in panels()
        for target in panel["targets"]
        if "expr" in target
    ]


def label_queries():
    """Return a name and the query of each variable whose values Prometheus gives."""
    return [
        (f"{name}, ${variable['name']}", variable["query"]["query"])
        for name, board in BOARDS.items()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ]


def metrics_in(query):
    """Return the names of metrics in a query: those that stand before braces, and those `__name__` is compared to."""
    named = [name for names in re.findall(r'__name__=~"([^"]*)"', query) for name in names.split("|")]
    choice = re.fullmatch(r"label_values\((.*), \w+\)", query)
    bare = re.sub(r"\{(?:\$\{[^}]*\}|[^{}])*\}", " ", choice[1] if choice else query)  # `${service}` is in braces
    bare = re.sub(r'"[^"]*"|\[[^]]*\]|\bby \([^)]*\)|\boffset \S+', " ", bare)
    return {word for word in WORDS.findall(bare) if word not in FUNCTIONS} | set(named)


def labels_in(expression):
    """Return the names of labels in an expression."""
    compared = re.findall(r"(\w+)(?:=~|!=|!~|=)[\"`]", expression)
    grouped = [name for names in re.findall(r"\bby \(([^)]*)\)", expression) for name in re.split(r",\s*", names)]
    asked = re.findall(r"^label_values\(.*, (\w+)\)$", expression)
    return {*compared, *grouped, *asked} - {"__name__"}
