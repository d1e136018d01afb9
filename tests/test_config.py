"""Options: argument over environment over file over default; what is wrong is named with its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from patternspan import ConfigError
from patternspan.config import Config, load

# Option -> default, then one value for each source: as TOML, in the environment, as an argument.
OPTIONS: dict[str, tuple[Any, tuple[str, Any], tuple[str, Any], Any]] = {
    "root": ("state", ('"file"', "file"), ("env", "env"), "argument"),
    "enabled": (True, ("false", False), ("true", True), False),
    "jsonl": (True, ("false", False), ("1", True), False),
    "job_log": (True, ("false", False), ("True", True), False),
    "archive": (True, ("false", False), ("TRUE", True), False),
    "phase_spans": (True, ("false", False), (" true ", True), False),
    "events": ("span", ('"logs"', "logs"), ("both", "both"), "logs"),
    "trace_members": (True, ("false", False), ("true", True), False),
    "job_id": ("", ('"JOB-FILE"', "JOB-FILE"), ("JOB-ENV", "JOB-ENV"), "JOB-ARGUMENT"),
    "step_id": ("", ('"STEP-FILE"', "STEP-FILE"), ("STEP-ENV", "STEP-ENV"), "STEP-ARGUMENT"),
    "max_value_chars": (4096, ("10", 10), ("20", 20), 30),
    "preview_chars": (2000, ("10", 10), ("20", 20), 30),
    "durability": ("os", ('"event"', "event"), ("interval", "interval"), "os"),
    "sync_interval_ms": (1000, ("10", 10), ("20", 20), 30),
    "pending_bytes": (4194304, ("10", 10), ("20", 20), 30),
    "file_mode": ("0600", ('"0640"', "0640"), ("0660", "0660"), "0644"),
    "folder_mode": ("0700", ('"0750"', "0750"), ("0770", "0770"), "0755"),
    "redact_names": ((), ('["a", "b"]', ("a", "b")), ("a, b", ("a", "b")), ("c",)),
    "redact_patterns": ((), ('["A-[0-9]{2,3}"]', ("A-[0-9]{2,3}",)), ("B{2,3}", ("B{2,3}",)), ("C",)),
    "redact_keep": ((), ('["a"]', ("a",)), ('["a,b"]', ("a,b",)), ("c",)),
    "redact_defaults": (True, ("false", False), ("true", True), False),
    "keep_whole": (False, ("true", True), ("true", True), False),
    "max_line_bytes": (1048576, ("10", 10), ("20", 20), 30),
    "rotate_bytes": (64 * 1024 * 1024, ("10", 10), ("20", 20), 30),
    "rotate_hours": (0, ("10", 10), ("20", 20), 30),
    "compress": ("none", ('"gzip"', "gzip"), ("zstd", "zstd"), "none"),
    "seal": (True, ("false", False), ("true", True), False),
    "keep_days": (0, ("10", 10), ("20", 20), 30),
    "keep_bytes": (0, ("10", 10), ("20", 20), 30),
    "flush_on_sigterm": (True, ("false", False), ("true", True), False),
    "metrics": (True, ("false", False), ("true", True), False),
    "metric_pattern_ids": (200, ("1", 1), ("2", 2), 3),
    "store": ("", ('"file.db"', "file.db"), ("env.db", "env.db"), "argument.db"),
    "service_name": ("", ('"file"', "file"), ("env", "env"), "argument"),
}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_option_is_tested() -> None:
    """The table above is complete, and its defaults are those of the code."""
    assert {name: entry[0] for name, entry in OPTIONS.items()} == {
        name: getattr(Config(), name) for name in Config.__struct_fields__
    }
    assert load({}, {}) == Config()


@pytest.mark.parametrize("option", OPTIONS)
def test_an_argument_wins_over_the_environment_that_over_the_file(option: str, tmp_path: Path) -> None:
    """Each source alone, and each over those below it."""
    _, (toml, from_file), (text, from_environment), argument = OPTIONS[option]
    file = tmp_path / "own.toml"
    file.write_text(f"{option} = {toml}\n")
    named = {"PATTERNSPAN_CONFIG": str(file)}
    variable = {f"PATTERNSPAN_{option.upper()}": text}
    assert getattr(load({}, named), option) == from_file
    assert getattr(load({}, variable), option) == from_environment
    assert getattr(load({}, {**named, **variable}), option) == from_environment
    assert getattr(load({option: argument}, {**named, **variable}), option) == argument
    assert getattr(load({option: None}, {**named, **variable}), option) == from_environment


def test_a_file_in_the_working_directory_is_taken() -> None:
    """Where no variable names another."""
    Path("patternspan.toml").write_text('root = "here"\n')
    Path("other.toml").write_text('job_id = "JOB-1"\n')
    assert load({}, {}).root == "here"
    assert load({}, {"PATTERNSPAN_CONFIG": "other.toml"}) == Config(job_id="JOB-1")


@pytest.mark.parametrize(
    ("file", "environ", "argument", "message"),
    [
        (None, {"PATTERNSPAN_ENABLED": "perhaps"}, {}, "PATTERNSPAN_ENABLED='perhaps': true or false is wanted"),
        (None, {"PATTERNSPAN_PREVIEW_CHARS": "many"}, {}, "PATTERNSPAN_PREVIEW_CHARS='many': a whole number is wanted"),
        (None, {"PATTERNSPAN_PREVIEW_CHARS": "-1"}, {}, "PATTERNSPAN_PREVIEW_CHARS='-1': "),
        (None, {}, {"max_value_chars": -5}, "argument: max_value_chars: "),
        (None, {}, {"max_value_chars": True}, "argument: max_value_chars: a whole number is wanted, found True"),
        (None, {}, {"redact_names": "a"}, "argument: redact_names: a list of texts is wanted, found 'a'"),
        (None, {}, {"redact_keep": [1]}, "argument: redact_keep: a list of texts is wanted, found [1]"),
        (None, {"PATTERNSPAN_REDACT_NAMES": '["a'}, {}, "PATTERNSPAN_REDACT_NAMES='[\"a': a list of texts is wanted"),
        (None, {"PATTERNSPAN_COMPRESS": "lz4"}, {}, "compress: one of none, gzip, zstd is wanted, found 'lz4'"),
        (None, {}, {"enabled": "yes"}, "argument: enabled: true or false is wanted, found 'yes'"),
        (None, {}, {"root": b"x"}, "argument: root: a text is wanted, found b'x'"),
        (None, {}, {"rooot": "x"}, "argument: no option 'rooot'; there are root, "),
        ("enabled = 1", {}, {}, "patternspan.toml: enabled: true or false is wanted, found 1"),
        ("preview_chars = -1", {}, {}, "patternspan.toml: preview_chars: "),
        ('durability = "never"', {}, {}, "durability: one of os, interval, event is wanted"),
        ("", {"PATTERNSPAN_FILE_MODE": "rw"}, {}, "file_mode: permissions in octal such as 0640 are wanted"),
        ("[root]\na = 1", {}, {}, "patternspan.toml: root: a text is wanted, found {'a': 1}"),
        ("rooot = 1", {}, {}, "patternspan.toml: no option 'rooot'; there are root, "),
        ("root = ", {}, {}, "patternspan.toml: not TOML: "),
        (None, {"PATTERNSPAN_CONFIG": "missing.toml"}, {}, "missing.toml: cannot be read: No such file or directory; "),
        (None, {"PATTERNSPAN_CONFIG": "."}, {}, ".: cannot be read: Is a directory; PATTERNSPAN_CONFIG"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_source(
    file: str | None, environ: dict[str, str], argument: dict[str, Any], message: str
) -> None:
    """ConfigError says where it stands, which option, what is wanted and what was found."""
    if file is not None:
        Path("patternspan.toml").write_text(file)
    with pytest.raises(ConfigError) as caught:
        load(argument, environ)
    assert str(caught.value).startswith(message)


def test_bytes_that_are_no_text_are_named() -> None:
    """A file in another encoding."""
    Path("patternspan.toml").write_bytes(b'root = "\xff"')
    with pytest.raises(ConfigError, match=r"patternspan.toml: not TOML: "):
        load({}, {})
