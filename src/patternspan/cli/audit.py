"""`patternspan audit`: seals of closed segments, checking them, checkpoints, proofs, and an archive for an auditor."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from patternspan.aggregate.plain import visible
from patternspan.cli.group import INVALID
from patternspan.cli.options import settings, shared
from patternspan.cli.screen import Screen, note
from patternspan.errors import ConfigError, NotFoundError
from patternspan.layout import safe_name

Function = TypeVar("Function", bound=Callable[..., Any])

_FILE: Final = click.Path(dir_okay=False)
_checkpoint = click.option("--checkpoint", "given", type=_FILE, metavar="FILE", help="A checkpoint kept elsewhere.")
_public = click.option("--key", type=_FILE, metavar="PUBLIC", help="The public key that must have signed it.")
_private = click.option("--key", type=_FILE, metavar="PRIVATE", help="Sign the checkpoint with this private key.")


def _output(what: str) -> Callable[[Function], Function]:
    return click.option("-o", "--output", type=_FILE, metavar="FILE", help=what)


@click.group()
@shared()
def audit() -> None:
    """Seal closed segments, and show that the log is as it was.

    What is sealed, and what that shows: docs/audit.md.
    """


@audit.command()
@click.option(
    "--grace", type=click.FloatRange(min=0), default=3.0, show_default=True, metavar="SECONDS",
    help="A segment is closed so long after its rename.",
)  # fmt: skip
@shared()
def seal(grace: float) -> None:
    """Write the seal of each closed segment that has none.

    Exits with 4 where a segment could not be sealed.
    """
    from patternspan.evidence.seal import seal as seal_all

    done = seal_all(_folder(), grace=grace)
    _show(str(done))
    if done.problems:
        click.get_current_context().exit(INVALID)


@audit.command()
@_checkpoint
@_public
@click.option("--json", "as_json", is_flag=True, help="All findings as one JSON object.")
@shared()
def verify(given: str | None, key: str | None, as_json: bool) -> None:
    """Check the log against its seals, and against a checkpoint.

    Names the first line of each segment that was altered, removed, inserted, moved or cut off, and
    exits with 4 when something is not as it was sealed.
    """
    from patternspan.evidence.verify import verify as verify_all

    if key is not None and given is None:
        raise click.UsageError("--key is about the signature of a checkpoint: give --checkpoint too")
    found = verify_all(_folder(), checkpoint=given, key=key)
    if as_json:
        import msgspec

        from patternspan.model.wire import encode_value

        with Screen(settings().color) as screen:
            screen.raw(encode_value({"ok": found.ok, **msgspec.to_builtins(found)}))
    else:
        _show(str(found))
    if not found.ok:
        click.get_current_context().exit(INVALID)


@audit.command()
@_private
@click.option("--origin", metavar="TEXT", help="What to call this log.  [default: host and folder]")
@_output("Write it there instead of to standard output.")
@shared()
def checkpoint(key: str | None, origin: str | None, output: str | None) -> None:
    """Write down what the log is now, to be kept elsewhere.

    A later `audit verify --checkpoint` shows whether all of it is still there.
    """
    from patternspan.evidence.checkpoint import checkpoint as made_now

    found = made_now(_folder(), key=key, origin=origin)
    _give(found.to_bytes(), output)
    if output is not None:
        note(str(found))


@audit.command()
@click.argument("file", type=_FILE)
@shared()
def keygen(file: str) -> None:
    """Make a private key FILE, and its public key FILE.pub.

    Keep the private key away from those who write the log.
    """
    from patternspan.evidence.keys import make_key

    private, public = make_key(file)
    _show(f"{private}: private key, for those who make checkpoints\n{public}: public key, for everybody")


@audit.command()
@click.argument("event_id")
@_checkpoint
@_private
@_output("Write it there instead of to standard output.")
@shared()
def prove(event_id: str, given: str | None, key: str | None, output: str | None) -> None:
    """Prove that one event is in the log, without the rest of it.

    The proof leads to the checkpoint that is given, or to one that is made now.
    """
    from patternspan.evidence.prove import prove as proof_of

    _either(given, key)
    found = proof_of(event_id, _folder(), given=given, key=key)
    _give(found.to_bytes(), output)
    if output is not None:
        note(f"{output}: {found.event_id}, line {found.index + 1:,} of {found.file}, up to the {found.checkpoint}")


@audit.command("verify-proof")
@click.argument("file", type=_FILE)
@_checkpoint
@_public
@shared()
def verify_proof(file: str, given: str | None, key: str | None) -> None:
    """Check a proof, or the signature of a checkpoint, by itself.

    No log is needed. Exits with 4 where it does not hold.
    """
    from patternspan.evidence.prove import check, read_proof

    found = check(read_proof(file), kept=given, key=key)
    _show(str(found))
    if not found.ok:
        click.get_current_context().exit(INVALID)


@audit.command()
@click.option("--job", "-j", "job_id", required=True, metavar="ID", help="The job.")
@_checkpoint
@_private
@_output("The archive, .zip or .tar.gz.  [default: audit-JOB.zip]")
@shared()
def export(job_id: str, given: str | None, key: str | None, output: str | None) -> None:
    """Write one archive for an auditor: a job's lines, proofs, a report.

    It holds a page to read and a verifier that needs Python alone.
    """
    from patternspan.evidence.bundle import export as export_job

    _either(given, key)
    _show(str(export_job(job_id, output or f"audit-{safe_name(job_id)}.zip", _folder(), given=given, key=key)))


def _folder() -> str:
    place = settings().place()
    folder = os.path.dirname(place.log)
    if not os.path.isdir(folder):
        raise NotFoundError(f"{folder}: no log here yet\n  Another folder: --root DIR, --events-dir DIR")
    return folder


def _either(given: str | None, key: str | None) -> None:
    if given is not None and key is not None:
        raise click.UsageError("--key signs a new checkpoint, and --checkpoint gives one: only one of them")


def _show(text: str) -> None:
    with Screen(settings().color) as screen:
        for line in text.splitlines():
            screen.line(visible(line))


def _give(data: bytes, output: str | None) -> None:
    """Write to a new file, or to standard output."""
    if output is None:
        with Screen(settings().color) as screen:
            screen.raw(data.rstrip(b"\n"))
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigError(f"{output}: there already; it is not overwritten") from None
    with open(descriptor, "wb") as file:
        file.write(data)
