"""The JSON Schemas that come with the package, as text."""

from __future__ import annotations

import os

from patternspan.errors import NotFoundError

_SUFFIX = ".json"


def schema_names() -> list[str]:
    """Return the names of the schemas, such as `pattern_event.v1`, sorted."""
    return sorted(name.removesuffix(_SUFFIX) for name in os.listdir(_folder()) if name.endswith(_SUFFIX))


def schema_text(name: str) -> str:
    """Return a schema as JSON text; its name is taken with `.json` or without. Raises NotFoundError."""
    wanted = name.removesuffix(_SUFFIX)
    if wanted not in schema_names():
        raise NotFoundError(f"no schema {name!r}; there are {', '.join(schema_names())}")
    with open(os.path.join(_folder(), wanted + _SUFFIX), encoding="utf-8") as file:
        return file.read()


def _folder() -> str:
    """Return the folder in the package, as a wheel installs it, else the one of the source tree."""
    package = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(package, "schema"), os.path.join(package, "..", "..", "schema")):
        if os.path.isdir(folder):
            return folder
    raise NotFoundError("the schemas are not installed; install patternspan from its wheel")
