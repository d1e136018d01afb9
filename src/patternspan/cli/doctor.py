"""`patternspan doctor`: what is configured, and whether it works; each finding with the next step."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

import click

from patternspan.aggregate.gaps import summary
from patternspan.aggregate.plain import age, counted, visible
from patternspan.cli.doctor_delivery import delivery
from patternspan.cli.doctor_spans import spans
from patternspan.cli.finding import Finding
from patternspan.cli.gaps import gaps_in
from patternspan.cli.options import Settings, settings, shared
from patternspan.cli.screen import Screen
from patternspan.config import FILE_NAME, FILE_VARIABLE, Config, load
from patternspan.errors import ConfigError
from patternspan.log.locate import Place, job_logs, with_rotated
from patternspan.log.reader import BadLine, LogLine
from patternspan.log.search import Query, find_in
from patternspan.model.wire import decode_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patternspan.model.event import PatternEvent

_STYLES: Final = {"ok": "success", "warn": "warning", "fail": "failed"}
_NEWEST: Final = 1000
_SECOND: Final = 1_000_000_000
_PACKAGES: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp")


@click.command()
@shared()
def doctor() -> None:
    """Check configuration, folder, log, packages and clock.

    Exits with 1 when something fails; a warning is none.
    """
    failed = False
    with Screen(settings().color) as screen:
        for finding in findings(settings()):
            failed = failed or finding.verdict == "fail"
            verdict = screen.paint(finding.verdict.ljust(5), _STYLES[finding.verdict])
            screen.line(f"{verdict} {screen.paint(finding.subject.ljust(14), 'strong')} {visible(finding.fact)}")
            if finding.next_step:
                screen.line(f"{'':21}{screen.paint('→ ' + visible(finding.next_step), 'dim')}")
    if failed:
        click.get_current_context().exit(1)


def findings(given: Settings) -> Iterator[Finding]:
    """Yield what was found; each check stands by itself."""
    try:
        config = load({"root": given.root})
        place = given.place()
    except ConfigError as error:
        yield Finding("fail", "configuration", str(error), "correct it there; docs: the table of options")
        return
    yield from _configuration(config, given)
    yield from _folder(place)
    yield from _log(place)
    yield from _packages()
    yield from spans(_newest(place))
    yield from delivery(place.root)


def _configuration(config: Config, given: Settings) -> Iterator[Finding]:
    path = os.environ.get(FILE_VARIABLE) or FILE_NAME
    file = path if os.path.isfile(path) else ""
    from_file = load(None, {FILE_VARIABLE: file} if file else {})
    default = Config()
    named = []
    for name in Config.__struct_fields__:
        value = getattr(config, name)
        if name == "root" and given.root is not None:
            named.append(f"{name}={value} (--root)")
        elif os.environ.get(f"PATTERNSPAN_{name.upper()}"):
            named.append(f"{name}={value} (PATTERNSPAN_{name.upper()})")
        elif getattr(from_file, name) != getattr(default, name):
            named.append(f"{name}={value} ({file})")
    yield Finding("ok", "configuration", ", ".join(named) or "all defaults; no file, no variables")
    if not config.enabled or not config.jsonl:
        option = "jsonl" if config.enabled else "enabled"
        yield Finding("warn", "recording", f"{option} is off: nothing is written", f"set {option} to true")


def _folder(place: Place) -> Iterator[Finding]:
    import tempfile

    folder = os.path.abspath(place.root)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    there = "" if folder == os.path.abspath(place.root) else f", not there yet; {folder}"
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".patternspan-") as file:
            now = time.time_ns()
            skew = (os.fstat(file.fileno()).st_mtime_ns - now) / _SECOND
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield Finding("fail", "folder", f"{place.root}{there}: {reason}", "another one: --root DIR or PATTERNSPAN_ROOT")
        return
    yield Finding("ok", "folder", f"{place.root}{there} is writable")
    if abs(skew) > 2:
        yield Finding(
            "warn",
            "clock",
            f"{folder} is {skew:+.1f} seconds off this clock",
            "set both by the same time server",
        )


def _log(place: Place) -> Iterator[Finding]:
    paths = [path for path in with_rotated(place.log) if os.path.isfile(path)]
    if not paths:
        yield Finding("warn", "log", f"{place.log}: no log here yet", "patternspan demo makes one")
        return
    size = sum(os.path.getsize(path) for path in paths)
    items = list(find_in(with_rotated(place.log), Query(), _NEWEST))
    events = [item for item in items if isinstance(item, LogLine)]
    now = time.time_ns()
    last = max((item.event.time_ns for item in events), default=None)
    told = "no event in it" if last is None else f"last event {age((now - last) / _SECOND)}"
    copies = job_logs(place.root)
    parts = [f"{size:,} bytes", told, f"{counted(len(copies), 'job log')}"]
    yield Finding("ok", "log", f"{paths[-1]}: {', '.join(parts)}")
    yield from _gaps(paths)
    yield _conformance(paths[-1], events, [item for item in items if isinstance(item, BadLine)])
    if last is not None and last - now > 60 * _SECOND:
        ahead = (last - now) // _SECOND
        yield Finding("warn", "clock", f"the newest event is {ahead:,} seconds ahead of this clock", "check the clocks")
    elif time.gmtime().tm_year < 2024:
        yield Finding("fail", "clock", f"it is {time.gmtime().tm_year} by this clock", "set the clock")
    else:
        yield Finding("ok", "clock", "no event is ahead of it")


def _newest(place: Place) -> PatternEvent | None:
    items = find_in([path for path in with_rotated(place.log) if os.path.isfile(path)], Query(), 1)
    return next((item.event for item in items if isinstance(item, LogLine)), None)


def _gaps(paths: list[str]) -> Iterator[Finding]:
    gaps = gaps_in(paths)
    if gaps:
        fact = f"{summary(gaps)}; the last {gaps[-1]}"
        yield Finding("warn", "gaps", fact, "see that the disk of the log has room and can be written")


def _conformance(path: str, events: list[LogLine], bad: list[BadLine]) -> Finding:
    from patternspan.model.conform import judge_event

    wrong = [problems for item in events if (problems := judge_event(decode_object(item.data)))]
    looked = counted(len(events) + len(bad), "line")
    if bad:
        return Finding(
            "warn",
            "lines",
            f"{len(bad)} of the newest {looked} cannot be read: {bad[0]}",
            f"patternspan validate {path}",
        )
    if wrong:
        fact = f"{len(wrong)} of the newest {looked} break the contract, such as {wrong[0][0]}"
        return Finding("warn", "lines", fact, f"patternspan validate {path}")
    return Finding("ok", "lines", f"the newest {looked} conform")


def _packages() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    for package in _PACKAGES:
        try:
            yield Finding("ok", package.removeprefix("opentelemetry-"), f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding(
                "fail",
                package.removeprefix("opentelemetry-"),
                f"{package} is not installed",
                f"pip install {package}",
            )
