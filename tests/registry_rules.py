"""The registry of names, and what is wrong with attributes by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "schema" / "registry"
GROUPS: dict[str, Any] = {
    group["id"]: group
    for name in ("attributes", "spans", "events", "metrics")
    for group in yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["groups"]
}
ATTRIBUTES = {
    attribute["id"]: attribute
    for group in GROUPS.values()
    for attribute in group.get("attributes", ())
    if "id" in attribute
}
TYPES = {"string": str, "int": int, "double": float, "boolean": bool}


def refs(group: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that a group may have, and when."""
    found = {
        use["ref"]: use.get("requirement_level", "recommended") for use in group.get("attributes", ()) if "ref" in use
    }
    return found | (refs(GROUPS[group["extends"]]) if "extends" in group else {})


def faults_of(name: str, attributes: dict[str, Any], group: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the attributes of a span, an event or a point by the registry."""
    allowed = refs(group)
    for key in (key for key, level in allowed.items() if level == "required" and key not in attributes):
        yield f"{name}: {key} is missing"
    for key, value in attributes.items():
        if key.startswith("pattern.details.") and "pattern.details" in allowed:
            continue
        if key not in allowed:
            yield f"{name}: {key} is not in the registry"
        elif key in ATTRIBUTES and not fits(value, ATTRIBUTES[key]["type"]):
            yield f"{name}: {key} is {value!r}"


def fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a type of the registry."""
    if isinstance(kind, dict):
        return value in [member["value"] for member in kind["members"]]
    return type(value) is TYPES[kind]
