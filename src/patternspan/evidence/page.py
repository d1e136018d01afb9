"""What an auditor reads in a bundle: a page of plain HTML and a README. Every text is shown as text."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any, Final

import msgspec

from patternspan.aggregate.plain import counted, duration, visible
from patternspan.aggregate.runs import RunRow, group_whole, row_of
from patternspan.aggregate.timeline import notes
from patternspan.evidence.checkpoint import Checkpoint
from patternspan.evidence.manifest import Manifest
from patternspan.evidence.report import Finding, Verification
from patternspan.model.event import PatternEvent
from patternspan.model.fold import in_order
from patternspan.model.ids import instant, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from patternspan.model.run import PatternRun

_HEAD: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse; width: 100%; margin: 1em 0 }}
th, td {{ border-bottom: 1px solid #ccc; padding: .3em .8em .3em 0; text-align: left; vertical-align: top }}
td {{ overflow-wrap: anywhere }}
.failed, .problem {{ color: #a00 }}
.success {{ color: #060 }}
</style>
</head>
<body>
"""


class JobLine(msgspec.Struct, frozen=True):
    """A line of the job."""

    file: str
    index: int
    data: bytes
    event: PatternEvent | None
    """None where the line is torn."""
    path: tuple[str, ...] | None
    """The hashes that lead to the root of its file; None where the checkpoint does not vouch for it."""


class Contents(msgspec.Struct, frozen=True):
    """All that a bundle tells."""

    job_id: str
    lines: tuple[JobLine, ...]
    checkpoint: Checkpoint
    verification: Verification
    manifests: tuple[Manifest, ...]

    def events(self) -> list[PatternEvent]:
        """Return each event once, in the order in which they happened."""
        found = {line.event.event_id: line.event for line in reversed(self.lines) if line.event is not None}
        return in_order(found.values())


def html_page(contents: Contents) -> str:
    """Return the report: runs, their results and times, what is sealed, gaps and problems."""
    events = contents.events()
    title = _text(f"Job {contents.job_id}")
    parts = [
        _HEAD.format(title=title),
        f"<h1>{title}</h1>\n",
        _summary(contents, events),
        _runs(contents, events),
        _sealed(contents),
        _section("Gaps", _table(("file", "line", "what the recorder says it lost"), _gaps(contents)), "None."),
        _section("Torn lines", _table(("file", "line", "text"), _torn(contents)), "None."),
        _findings("Problems", contents.verification.problems, "None: all that is sealed is as it was sealed."),
        _findings("Notes", contents.verification.notes, "None."),
        _events(contents, events),
        "<h2>What this shows</h2>\n<p>",
        "</p>\n<p>".join(map(_text, _LIMITS)),
        "</p>\n</body>\n</html>\n",
    ]
    return "".join(parts)


_LIMITS: Final = (
    "Each proven line stood in the log when the checkpoint was made, byte for byte. Run verify.py to see it.",
    "That no line of the job was left out of this bundle, or was never recorded, cannot be seen from the bundle alone.",
    "Who could write the files, and the checkpoint too, could have written all of it anew.",
    "So ask for a checkpoint that was kept elsewhere, or for a signature by a key out of the writers' reach.",
    "Times are those of the writers' clocks.",
)


def readme(contents: Contents) -> str:
    """Return the README of a bundle, in plain words."""
    return f"""\
What was recorded of the job {visible(contents.job_id)}, and what proves it

  report.html       a page to read; it loads nothing and runs nothing
  lines.jsonl       the lines of the job as they stand in the log, one event a line
  proofs.jsonl      for each of these lines: its file, its place there (from 0), the hashes up to the Merkle root
  manifests/        the seal of each closed segment of the log; each holds the SHA-256 of the one before
  checkpoint.json   the newest manifest's SHA-256, and the roots of what was not sealed yet
  schema/           what the members of an event mean (JSON Schema)
  verify.py         checks all of this with Python's standard library alone; it is a page, read it first
  SHA256SUMS        the SHA-256 of each file

To check it:

  python verify.py
  python verify.py CHECKPOINT.json     with a checkpoint of this log that you have kept yourself

How: the hash of a line is SHA-256 of a zero byte and the line. Together with the hashes in its path it gives the Merkle
root of its file (RFC 6962), which stands in the manifest. Each manifest holds the hash of the one before, and the
checkpoint that of the last.

A signature in checkpoint.json is Ed25519, of the canonical JSON of its other members without `digest`;
`patternspan audit verify-proof` checks one with the public key.

What it shows, and what it cannot:

{chr(10).join("- " + line for line in _LIMITS)}
"""


def _text(value: object) -> str:
    """Return any value as HTML that shows it as text, with what is hidden in it written out."""
    return escape(visible(str(value)))


def _section(title: str, body: str, none: str) -> str:
    return f"<h2>{title}</h2>\n{body or f'<p>{_text(none)}</p>'}\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already; nothing where there are no rows."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    return f"<table>\n<tr>{head}</tr>\n{body}</table>" if body else ""


def _summary(contents: Contents, events: list[PatternEvent]) -> str:
    kept, found = contents.checkpoint, contents.verification
    proven = sum(line.path is not None for line in contents.lines)
    by = f"signed by the key {kept.key}" if kept.key else "not signed"
    verdict = "as it was sealed" if found.ok else f"not as it was sealed: {counted(len(found.problems), 'problem')}"
    rows = [
        ("lines", f"{len(contents.lines):,}, of which {proven:,} are proven by the checkpoint"),
        ("events", f"{len(events):,}"),
        ("first", events[0].timestamp if events else "none"),
        ("last", events[-1].timestamp if events else "none"),
        ("log", kept.origin),
        ("checkpoint", f"{kept.time}, {by}"),
        ("whole log", verdict),
    ]
    return _table(("what", "value"), [(_text(name), _text(value)) for name, value in rows]) + "\n"


def _runs(contents: Contents, events: list[PatternEvent]) -> str:
    now = instant(contents.checkpoint.time)

    def row(run: PatternRun, its: Sequence[PatternEvent]) -> tuple[RunRow, PatternRun]:
        return row_of(run, its, now), run

    found = sorted(group_whole(events, row), key=lambda pair: (pair[0].started_ns, pair[0].pattern_run_id))
    counts = Counter(row.status for row, _ in found)
    told = ", ".join(f"{count:,} {_text(status)}" for status, count in sorted(counts.items()))
    heads = ("started", "pattern", "run", "status", "time", "result")
    return f"<h2>Runs</h2>\n<p>{counted(len(found), 'run')}: {told}</p>\n{_table(heads, map(_run_cells, found))}\n"


def _run_cells(pair: tuple[RunRow, PatternRun]) -> Sequence[str]:
    row, run = pair
    style = row.status if row.status in {"success", "failed"} else ""
    error = run.error.get("message") if run.error else None
    told = str(error) if error and str(error) not in row.note else ""
    result = _text(row.note) + (f'<br><span class="problem">{_text(told)}</span>' if told else "")
    return (
        _text(timestamp(row.started_ns)),
        _text(row.pattern_id),
        _text(row.pattern_run_id),
        f'<span class="{style}">{_text(row.status)}</span>',
        _text(duration(row.seconds)),
        result,
    )


def _sealed(contents: Contents) -> str:
    seals = {manifest.segment: manifest for manifest in contents.manifests}
    proven = Counter(line.file for line in contents.lines if line.path is not None)
    rows = []
    for file, count in Counter(line.file for line in contents.lines).items():
        if file in seals:
            state = f"sealed at {seals[file].sealed_at}"
        else:
            state = "not sealed; the checkpoint holds its root" if proven[file] else "not sealed, not in the checkpoint"
        rows.append((_text(file), f"{count:,}", f"{proven[file]:,}", _text(state)))
    return _section("What is sealed", _table(("file", "lines of the job", "proven", "seal"), rows), "Nothing.")


def _gaps(contents: Contents) -> Iterator[Sequence[str]]:
    for line in contents.lines:
        gap = line.event.extra.get("gap") if line.event is not None else None
        if gap is not None:
            yield _text(line.file), f"{line.index + 1:,}", _text(_gap_text(gap))


def _gap_text(gap: Any) -> str:
    if not isinstance(gap, dict):
        return str(gap)
    count, reason = gap.get("events", "?"), gap.get("reason", "no reason given")
    return f"{count} events from {gap.get('since', '?')} to {gap.get('until', '?')}: {reason}"


def _torn(contents: Contents) -> Iterator[Sequence[str]]:
    for line in contents.lines:
        if line.event is None:
            text = line.data[:500].decode("utf-8", "backslashreplace")
            yield _text(line.file), f"{line.index + 1:,}", _text(text)


def _findings(title: str, found: Sequence[Finding], none: str) -> str:
    rows = [
        (_text(each.kind), _text(each.path.rpartition("/")[2]), f"{each.line:,}" if each.line else "",
         _text(each.text), _text(each.event_id))
        for each in found
    ]  # fmt: skip
    return _section(title, _table(("kind", "file", "line", "what", "event"), rows), none)


def _events(contents: Contents, events: list[PatternEvent]) -> str:
    proven = {line.event.event_id for line in contents.lines if line.event is not None and line.path is not None}
    rows = [
        (_text(event.timestamp), _text(event.pattern_id), _text(event.event_type.removeprefix("pattern.")),
         _text(event.status), _text(", ".join(notes(event))), _text(event.event_id),
         "proven" if event.event_id in proven else "not proven")
        for event in events
    ]  # fmt: skip
    heads = ("time", "pattern", "event", "status", "what", "id", "seal")
    return _section("Events", _table(heads, rows), "None that can be read.")
