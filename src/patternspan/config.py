"""Every option, a sentence each. An argument wins over the environment, that over the file, that over the default.

The file is TOML: `PATTERNSPAN_CONFIG` names it, else `patternspan.toml` in the working directory is taken where it
is. Its keys are the field names below, at the top level. OpenTelemetry's own variables (`OTEL_*`) keep the meaning
that its specification gives them and are not repeated here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from patternspan.errors import ConfigError

FILE_VARIABLE: Final = "PATTERNSPAN_CONFIG"
FILE_NAME: Final = "patternspan.toml"
COMPRESSIONS: Final = ("none", "gzip", "zstd")
_PREFIX: Final = "PATTERNSPAN_"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What patternspan is told; the docstring under each field is the reference."""

    root: str = "state"
    """Folder of logs, archived runs and tool output."""
    enabled: bool = True
    """Record at all; when false, decorated functions run bare."""
    jsonl: bool = True
    """Write each event as a line of the global log."""
    job_log: bool = True
    """Write each event also to its job's own log."""
    archive: bool = True
    """Write each ended run as one JSON file."""
    phase_spans: bool = True
    """Give each phase of a run a child span of its own."""
    trace_members: bool = True
    """Add `trace_id` and `span_id` to lines; false for readers that take the nine members only."""
    job_id: str = ""
    """Job of runs that no `job(...)` surrounds; empty makes one id for the process."""
    step_id: str = ""
    """Step of runs that no `step(...)` surrounds; empty is no step."""
    max_value_chars: int = 4096
    """Longest text in captured arguments, results and messages; what is longer is cut and marked."""
    preview_chars: int = 2000
    """Longest preview of a tool's output in an event; the whole is in its log file."""
    rotate_bytes: int = 64 * 1024 * 1024
    """Size at which a log is renamed to a numbered segment and begun anew; 0 is never."""
    rotate_hours: int = 0
    """Age at which the same is done, by the first event of the log; 0 is never."""
    compress: str = "none"
    """How segments are compressed once nobody writes to them: `none`, `gzip`, or `zstd`."""
    keep_days: int = 0
    """Days after which segments, job logs, archived runs and tool output are removed; 0 keeps them."""
    keep_bytes: int = 0
    """Size of all of them together above which the oldest are removed; 0 keeps them."""
    service_name: str = ""
    """`service.name` of the provider that `configure()` makes; empty leaves it to `OTEL_SERVICE_NAME`."""


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Return the configuration in force. Raises ConfigError that names the source, the option and its type."""
    environ = os.environ if environ is None else environ
    path = environ.get(FILE_VARIABLE) or (FILE_NAME if os.path.isfile(FILE_NAME) else "")
    values: dict[str, Any] = _from_file(path) if path else {}
    values.update(_from_environment(environ))
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    values.update(_checked(given, "argument"))
    if not str(values.get("root", "state")).strip() or "\0" in str(values.get("root", "")):
        raise ConfigError(f"root: the path of a folder is wanted, found {values['root']!r}")
    compress = values.get("compress", "none")
    if compress not in COMPRESSIONS:
        raise ConfigError(f"compress: one of {', '.join(COMPRESSIONS)} is wanted, found {compress!r}")
    return Config(**values)


def _from_file(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            members = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; {FILE_VARIABLE} names this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    return _checked(members, path)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Config):
        variable = _PREFIX + field.name.upper()
        text = environ.get(variable)
        if not text:
            continue
        try:
            values[field.name] = msgspec.convert(text.strip(), field.type, strict=False)
        except msgspec.ValidationError:
            raise ConfigError(f"{variable}={text!r}: {_WANTED[field.type]} is wanted") from None
        if _is_negative(values[field.name]):
            raise ConfigError(f"{variable}={text!r}: 0 or more is wanted")
    return values


def _checked(members: Mapping[str, Any], source: str) -> dict[str, Any]:
    types = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for name, value in members.items():
        if name not in types:
            raise ConfigError(f"{source}: no option {name!r}; there are {', '.join(types)}")
        if type(value) is not types[name]:
            raise ConfigError(f"{source}: {name}: {_WANTED[types[name]]} is wanted, found {value!r}")
        if _is_negative(value):
            raise ConfigError(f"{source}: {name}: 0 or more is wanted, found {value!r}")
    return dict(members)


def _is_negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


_WANTED: Final[dict[Any, str]] = {bool: "true or false", int: "a whole number", str: "a text"}
