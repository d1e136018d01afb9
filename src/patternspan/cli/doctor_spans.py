"""Why there is no trace: what the environment says of exporters, sampling and queues, as the recorder reads it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from patternspan.cli.finding import Finding
from patternspan.model.event import PatternEvent

_ROOTS: Final = ("always_on", "always_off", "traceidratio")
_SAMPLERS: Final = frozenset((*_ROOTS, *(f"parentbased_{root}" for root in _ROOTS)))
_DISABLED: Final = "OTEL_SDK_DISABLED"
_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_SAMPLER: Final = "OTEL_TRACES_SAMPLER"
_RATIO: Final = "OTEL_TRACES_SAMPLER_ARG"
_DELAY: Final = "OTEL_BSP_SCHEDULE_DELAY"
_LONG_DELAY: Final = 60_000
"""Milliseconds between two batches after which nobody expects a span to be still on its way."""


def spans(newest: PatternEvent | None) -> Iterator[Finding]:
    """Judge how spans leave this environment, and whether the newest event of the log belongs to one."""
    from importlib.metadata import entry_points

    from patternspan.providers import CONFIG_FILE, config_file, wanted_exporters

    if config_file():
        yield _declared(CONFIG_FILE, config_file())
        if newest is not None:
            yield _trace(newest)
        return
    if os.environ.get(_DISABLED, "").strip().lower() == "true":
        yield Finding("warn", "spans", f"{_DISABLED}=true: no span is made", f"unset {_DISABLED}")
        return
    names = wanted_exporters()
    if not names:
        yield _nowhere()
        return
    for name in names:
        if name == "otlp":
            from patternspan.cli.doctor_otlp import endpoint

            yield from endpoint()
        elif list(entry_points(group="opentelemetry_traces_exporter", name=name)):
            yield Finding("ok", "exporter", f"{_EXPORTER}={name} is installed")
        else:
            known = sorted({point.name for point in entry_points(group="opentelemetry_traces_exporter")})
            fact = f"{_EXPORTER}={name}: no installed package has this exporter"
            yield Finding("fail", "exporter", fact, f"one of {', '.join(known)}, or none")
    yield from _sampling()
    yield from _flushing()
    if newest is not None:
        yield _trace(newest)


def _declared(variable: str, path: str) -> Finding:
    """Judge the file that declares the SDK; what it says is not looked into here."""
    try:
        from opentelemetry.configuration import load_config_file
    except ImportError:
        fact = f"{variable}={path}: the package that reads it is not installed"
        return Finding("fail", "spans", fact, "pip install 'opentelemetry-sdk[file-configuration]'")
    try:
        load_config_file(path)
    except Exception as error:  # noqa: BLE001 - of a package that is still being developed
        return Finding("fail", "spans", f"{variable}={path}: {error}", "correct the file, or unset the variable")
    return Finding("ok", "spans", f"{variable}={path} declares the SDK; other OTEL_ variables are not read")


def _trace(newest: PatternEvent) -> Finding:
    if isinstance(newest.trace_id, str):
        return Finding("ok", "trace", f"the newest event, {newest.event_id}, belongs to trace {newest.trace_id}")
    fact = f"the newest event, {newest.event_id}, belongs to no trace: its program made no span, or left the ids out"
    step = "set these variables where that program runs, or call patternspan.configure() in it"
    return Finding("warn", "trace", fact, step)


def _nowhere() -> Finding:
    endpoint = next((name for name in os.environ if name.startswith("OTEL_EXPORTER_OTLP") and "ENDPOINT" in name), None)
    if os.environ.get(_EXPORTER, "").strip() and endpoint:
        fact = f"{_EXPORTER}=none: spans are not sent, though {endpoint} is set"
        return Finding("warn", "otlp", fact, f"{_EXPORTER}=otlp, or unset it")
    fact = "no endpoint and no exporter configured: spans are not sent"
    return Finding("ok", "otlp", fact, "to send them: OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317")


def _sampling() -> Iterator[Finding]:
    """Judge what share of the traces is sampled; the log is complete whatever it is."""
    sampler = os.environ.get(_SAMPLER, "").strip().lower() or "parentbased_always_on"
    if sampler not in _SAMPLERS:
        fact = f"{_SAMPLER}={sampler}: not a sampler of the SDK, which takes parentbased_always_on in its place"
        yield Finding("warn", "sampler", fact, f"one of {', '.join(sorted(_SAMPLERS))}")
        return
    share = 0.0 if sampler.endswith("always_off") else 1.0
    if sampler.endswith("traceidratio"):
        text = os.environ.get(_RATIO, "").strip() or "1"
        try:
            share = float(text)
        except ValueError:
            yield Finding("warn", "sampler", f"{_RATIO}={text}: not a number, taken as 1", "a number from 0 to 1")
    parent = _unsampled_parent() if sampler.startswith("parentbased") else None
    if parent:
        fact = f"TRACEPARENT={parent} says that its trace is not sampled: {sampler} makes no span below it"
        yield Finding("warn", "sampler", fact, "sample where that trace begins, or unset TRACEPARENT")
    elif share < 1:
        told = f"{_SAMPLER}={sampler}: {share:.4g} of the traces are sent, the log has all"
        yield Finding("warn", "sampler", told, f"{_SAMPLER}=parentbased_always_on to send every one")
    else:
        yield Finding("ok", "sampler", f"{sampler}: every trace is sent")


def _unsampled_parent() -> str | None:
    parts = os.environ.get("TRACEPARENT", "").strip().split("-")
    if len(parts) < 4 or len(parts[3]) != 2:
        return None
    try:
        return None if int(parts[3], 16) & 1 else "-".join(parts)
    except ValueError:
        return None


def _flushing() -> Iterator[Finding]:
    text = os.environ.get(_DELAY, "").strip()
    if not text:
        return
    try:
        delay = int(text)
    except ValueError:
        yield Finding("warn", "queue", f"{_DELAY}={text}: not a number of milliseconds", "such as 5000")
        return
    if delay > _LONG_DELAY:
        fact = f"{_DELAY}={delay}: spans wait up to {delay / 1000:,.0f} s before they are sent"
        yield Finding("warn", "queue", fact, "5000, the default, or wait for it")
