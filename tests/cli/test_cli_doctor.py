"""`patternspan doctor` and `patternspan completion`."""

import os
import time

import pytest
from screens import calm, log, run  # noqa: F401

from logs import good_run, lines


def facts(out):
    """Return the verdict of each subject."""
    return {line[6:20].strip(): line[:5].strip() for line in out.splitlines() if line[:5].strip()}


def test_all_is_well(tmp_path):
    """With a log that conforms every line is ok."""
    log(tmp_path, lines(good_run(1, time.time_ns() - 10**11)))
    code, out, err = run("doctor")
    assert (code, err) == (0, "")
    assert facts(out) == dict.fromkeys(
        ("configuration", "folder", "log", "lines", "clock", "api", "sdk", "exporter-otlp", "otlp"), "ok"
    )
    assert sorted(os.listdir()) == ["state"]


def test_what_is_wrong_is_a_warning_with_a_next_step(tmp_path):
    """Broken lines and a clock that is behind are warnings, and say what to do."""
    ahead = good_run(1, time.time_ns() + 10**12)
    path = log(tmp_path, lines(ahead) + b"broken\n")
    code, out, _ = run("doctor")
    found = facts(out)
    assert (code, found["lines"], found["clock"]) == (0, "warn", "warn")
    assert f"→ patternspan validate {path.relative_to(tmp_path)}" in out


def test_no_log_yet_is_a_warning():
    """A missing log is a warning, and nothing is made by looking."""
    code, out, _ = run("doctor")
    assert (code, facts(out)["log"]) == (0, "warn")
    assert os.listdir() == []


def test_a_root_that_is_a_file_fails(tmp_path):
    """A root that cannot hold files fails with exit code 1."""
    (tmp_path / "state").write_text("")
    code, out, _ = run("doctor")
    assert (code, facts(out)["folder"]) == (1, "fail")


def test_where_settings_come_from(tmp_path, monkeypatch):
    """Each setting that is not the default is named with its source."""
    (tmp_path / "patternspan.toml").write_text("archive = false\n")
    monkeypatch.setenv("PATTERNSPAN_PREVIEW_CHARS", "10")
    first = run("doctor", "--root", "elsewhere")[1].splitlines()[0]
    assert first.endswith(
        "root=elsewhere (--root), archive=False (patternspan.toml), preview_chars=10 (PATTERNSPAN_PREVIEW_CHARS)"
    )


def test_a_wrong_configuration_fails(monkeypatch):
    """A configuration that cannot be read is the one finding."""
    monkeypatch.setenv("PATTERNSPAN_ENABLED", "maybe")
    code, out, _ = run("doctor")
    assert (code, facts(out)) == (1, {"configuration": "fail"})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell):
    """Each shell gets a script that asks patternspan what may come next."""
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert "_PATTERNSPAN_COMPLETE" in out


@pytest.mark.parametrize(
    ("settings", "status", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "nope"}, "fail", "OTEL_TRACES_EXPORTER=nope: no installed package has this exporter"),
        ({"OTEL_TRACES_EXPORTER": "patternspan_jsonl"}, "ok", "OTEL_TRACES_EXPORTER=patternspan_jsonl is installed"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon"},
            "fail",
            "OTEL_EXPORTER_OTLP_PROTOCOL=pigeon: no such protocol",
        ),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
            "fail",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1: connection refused",
        ),
    ],
    ids=["unknown", "installed", "protocol", "endpoint"],
)
def test_what_spans_are_sent_to_is_judged(tmp_path, monkeypatch, settings, status, told):
    """The exporters are those that the recorder would make."""
    monkeypatch.chdir(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    _, out, _ = run("doctor")

    line = next(line for line in out.splitlines() if told in line)
    assert line.split()[0] == status
