"""Every option, a sentence each. An argument wins over the environment, that over the file, that over the default.

The file is TOML: `PATTERNSPAN_CONFIG` names it, else `patternspan.toml` in the working directory is taken where it
is. Its keys are the field names below, at the top level. OpenTelemetry's own variables (`OTEL_*`) keep the meaning
that its specification gives them and are not repeated here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from patternspan.errors import ConfigError

FILE_VARIABLE: Final = "PATTERNSPAN_CONFIG"
FILE_NAME: Final = "patternspan.toml"
COMPRESSIONS: Final = ("none", "gzip", "zstd")
_PREFIX: Final = "PATTERNSPAN_"


Texts = tuple[str, ...]
"""Several texts: an array in the file; how they stand in a variable is said with each option."""


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
    events: str = "span"
    """Where OpenTelemetry gets events: as events of their `span`, as log events (`logs`), or as `both`."""
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
    durability: str = "os"
    """What a power loss takes: `os` what the kernel holds, `interval` at most `sync_interval_ms`, `event` nothing."""
    sync_interval_ms: int = 1000
    """Longest time between a line and its sync to the disk, where durability is `interval`."""
    pending_bytes: int = 4194304
    """Most bytes of events that wait in memory while a log cannot be written."""
    file_mode: str = "0600"
    """Permissions of the files that are made, in octal, whatever the umask."""
    folder_mode: str = "0700"
    """Permissions of the folders that are made, in octal, whatever the umask."""
    redact_names: Texts = ()
    """Further names whose values are withheld, however they are spelt; in the environment with commas between."""
    redact_patterns: Texts = ()
    """Regular expressions of further secrets; in the environment one, or a JSON array of them."""
    redact_keep: Texts = ()
    """Names whose values stay, and regular expressions of whole values that do; in the environment with commas."""
    redact_defaults: bool = True
    """Withhold by the rules of this package; when false, by the configured ones alone."""
    keep_whole: bool = False
    """Write the redacted whole of each text that is cut to a file below `artifacts`."""
    max_line_bytes: int = 1048576
    """Longest line of an event; details that make it longer are cut further, ids never."""
    rotate_bytes: int = 64 * 1024 * 1024
    """Size at which a log is renamed to a numbered segment and begun anew; 0 is never."""
    rotate_hours: int = 0
    """Age at which the same is done, by the first event of the log; 0 is never."""
    compress: str = "none"
    """How segments are compressed once nobody writes to them: `none`, `gzip`, or `zstd`."""
    seal: bool = True
    """Seal the segments of the log of all events in the background, once they are closed: see docs/audit.md."""
    keep_days: int = 0
    """Days after which segments, job logs, archived runs and tool output are removed; 0 keeps them."""
    keep_bytes: int = 0
    """Size of all of them together above which the oldest are removed; 0 keeps them."""
    flush_on_sigterm: bool = True
    """Send what is on its way before SIGTERM ends the process, where the application has no handler of its own."""
    metrics: bool = True
    """Measure runs through OpenTelemetry, where the application has a MeterProvider or an exporter is configured."""
    metric_pattern_ids: int = 200
    """Most distinct values of a label of metrics, `pattern.id` above all; what comes beyond is `_OTHER`."""
    store: str = ""
    """The state store: a path, `sqlite:///PATH` or `postgresql+psycopg://…`; empty is `patternspan.db` in the root."""
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
    _check_words(values)
    return Config(**values)


def _check_words(values: Mapping[str, Any]) -> None:
    for name, words in _WORDS.items():
        if name in values and values[name] not in words:
            raise ConfigError(f"{name}: one of {', '.join(words)} is wanted, found {values[name]!r}")
    for name in ("file_mode", "folder_mode"):
        if name in values and _OCTAL(values[name]) is None:
            raise ConfigError(f"{name}: permissions in octal such as 0640 are wanted, found {values[name]!r}")


def _from_file(path: str) -> dict[str, Any]:
    import tomllib

    try:
        with open(path, "rb") as file:
            members = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; {FILE_VARIABLE} names this file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or arrays in arrays without end.
        raise ConfigError(f"{path}: not read: {_because(error)}") from None
    return _checked(members, path)


def _because(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Config):
        variable = _PREFIX + field.name.upper()
        text = environ.get(variable)
        if not text:
            continue
        try:
            values[field.name] = (
                _listed(field.name, text.strip())
                if field.type not in _PLAIN
                else msgspec.convert(text.strip(), field.type, strict=False)
            )
        except (msgspec.ValidationError, msgspec.DecodeError):
            raise ConfigError(f"{variable}={text!r}: {_WANTED[field.type]} is wanted") from None
        if _is_negative(values[field.name]):
            raise ConfigError(f"{variable}={text!r}: 0 or more is wanted")
    return values


def _checked(members: Mapping[str, Any], source: str) -> dict[str, Any]:
    types = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for name, value in members.items():
        if name not in types:
            raise ConfigError(f"{source}: no option {name!r}; there are {', '.join(types)}")
        if types[name] not in _PLAIN and isinstance(value, (list, tuple, set, frozenset)):
            members = {**members, name: tuple(value)}
            wrong = [item for item in value if not isinstance(item, str)]
        else:
            wrong = [] if type(value) is types[name] else [value]
        if wrong:
            raise ConfigError(f"{source}: {name}: {_WANTED[types[name]]} is wanted, found {_shown(value)}")
        if _is_negative(value):
            raise ConfigError(f"{source}: {name}: 0 or more is wanted, found {_shown(value)}")
    return dict(members)


def _shown(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except (ValueError, RecursionError) as error:
        return f"a {type(value).__name__}, {_because(error)}"


def _listed(name: str, text: str) -> tuple[str, ...]:
    """Return the texts in a variable: a JSON array, else one expression, or names with commas between."""
    if text.startswith('["'):
        return msgspec.json.decode(text, type=tuple[str, ...])
    return (text,) if name == "redact_patterns" else tuple(part.strip() for part in text.split(",") if part.strip())


def _is_negative(value: object) -> bool:
    return isinstance(value, int) and value < 0


_WORDS: Final = {
    "events": ("span", "logs", "both"),
    "durability": ("os", "interval", "event"),
    "compress": COMPRESSIONS,
}
_OCTAL: Final = re.compile("0?[0-7]{3}").fullmatch
_WANTED: Final[dict[Any, str]] = {bool: "true or false", int: "a whole number", str: "a text"}
_PLAIN: Final = frozenset(_WANTED)
_WANTED[tuple[str, ...]] = "a list of texts"
