"""One archive for an auditor: a job's lines, what proves them, a page to read, and a verifier that needs nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from patternspan.aggregate.plain import counted
from patternspan.errors import ConfigError, LineError, NotFoundError
from patternspan.evidence.checkpoint import Checkpoint, checkpoint, read_checkpoint
from patternspan.evidence.manifest import Manifest, canonical, sha256_hex
from patternspan.evidence.page import Contents, html_page, readme
from patternspan.evidence.prove import Roots, name_of
from patternspan.evidence.read_through import event_in
from patternspan.evidence.segments import Segment, UnreadableError, folder_of, lines_of
from patternspan.evidence.state import State, look
from patternspan.evidence.verify import verify
from patternspan.layout import safe_name
from patternspan.log.search import needle
from patternspan.schema_files import schema_names, schema_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patternspan.evidence.checkpoint import Open
    from patternspan.evidence.page import JobLine

_FORMATS: Final = (".zip", ".tar.gz")


class Exported(msgspec.Struct, frozen=True):
    """An archive that was written; `str()` of it is for people."""

    path: str
    sha256: str
    lines: int
    proven: int
    """Lines that the checkpoint vouches for."""

    def __str__(self) -> str:
        return (
            f"{self.path}: {counted(self.lines, 'line')}, {self.proven:,} of them proven\n"
            f"sha256 {self.sha256}  (note it elsewhere: it shows that the archive is this one)"
        )


def export(
    job_id: str,
    path: str | os.PathLike[str],
    events_dir: str | os.PathLike[str] | None = None,
    *,
    given: Checkpoint | str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Exported:
    """Write the archive of a job, `.zip` or `.tar.gz`: the same log and checkpoint make the same bytes.

    Without `given` a checkpoint is made now, signed where `key` is the file of a private key. Raises NotFoundError
    where the log holds no line of this job, ConfigError where the file is there already or of another ending.
    """
    target = os.fspath(path)
    if not target.endswith(_FORMATS):
        raise ConfigError(f"{target}: the ending is to be one of {', '.join(_FORMATS)}")
    folder = folder_of(events_dir)
    kept = checkpoint(folder, key=key) if given is None else read_checkpoint(given)
    state = look(folder)
    lines = list(_job_lines(state, Roots(state, kept), job_id))
    if not lines:
        raise NotFoundError(f"no line of the job {job_id} in {folder}")
    contents = Contents(job_id, tuple(lines), kept, verify(folder, checkpoint=kept), tuple(_manifests(state, kept)))
    data = _archive(target, f"audit-{safe_name(job_id)}", _files(state, contents))
    _write_new(target, data)
    return Exported(target, sha256_hex(data), len(lines), sum(line.path is not None for line in lines))


def _manifests(state: State, kept: Checkpoint) -> Iterator[Manifest]:
    for number, stored in sorted(state.manifests.items()):
        if number <= kept.head_number and stored.manifest is not None:
            yield stored.manifest


def _job_lines(state: State, roots: Roots, job_id: str) -> Iterator[JobLine]:
    vouched = {segment.path: by for segment, by in roots.files()}
    for segment in [*(segment for _, segment in sorted(state.segments.items())), *state.others]:
        with suppress(UnreadableError):
            yield from _lines_in(segment, vouched.get(segment.path), roots, job_id)


def _lines_in(segment: Segment, by: Open | Manifest | None, roots: Roots, job_id: str) -> Iterator[JobLine]:
    from patternspan.evidence.page import JobLine

    part = needle(job_id)
    torn = f'"job_id":{json.dumps(job_id)}'.encode()
    sound = by is not None
    for index, line in enumerate(lines_of(segment)):
        if part not in line:
            continue
        event = event_in(line)
        if event.job_id != job_id if event is not None else torn not in line:
            continue
        path = None
        if by is not None and sound and index < by.lines:
            try:
                path = tuple(each.hex() for each in roots.path(segment, by, index))
            except LineError:
                sound = False
        yield JobLine(segment.name if by is None else name_of(by), index, line, event, path)


def _files(state: State, contents: Contents) -> dict[str, bytes]:
    """Return the files of the archive by name."""
    proofs = [{"file": line.file, "index": line.index, "path": line.path} for line in contents.lines]
    files = {
        "README.txt": readme(contents).encode(),
        "report.html": html_page(contents).encode(),
        "verify.py": _verifier(),
        "lines.jsonl": b"".join(line.data + b"\n" for line in contents.lines),
        "proofs.jsonl": b"".join(canonical(proof) + b"\n" for proof in proofs),
        "checkpoint.json": contents.checkpoint.to_bytes(),
    }
    for name in schema_names():
        files[f"schema/{name}.json"] = schema_text(name).encode()
    for number, stored in state.manifests.items():
        if number <= contents.checkpoint.head_number:
            files[f"manifests/{os.path.basename(stored.path)}"] = stored.data
    sums = "".join(f"{sha256_hex(data)}  {name}\n" for name, data in sorted(files.items()))
    return {**files, "SHA256SUMS": sums.encode()}


def _verifier() -> bytes:
    from importlib.resources import files

    return files("patternspan.evidence").joinpath("standalone.py").read_bytes()


def _archive(target: str, top: str, files: dict[str, bytes]) -> bytes:
    """Return an archive of fixed order, times, owners and modes."""
    room = io.BytesIO()
    if target.endswith(".zip"):
        with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
            for name, data in sorted(files.items()):
                info = zipfile.ZipInfo(f"{top}/{name}", (1980, 1, 1, 0, 0, 0))
                info.create_system, info.external_attr = 3, 0o100644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(info, data)
        return room.getvalue()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=room, mtime=0) as unpacked,
        tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    return room.getvalue()


def _write_new(path: str, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path}: there already; it is not overwritten") from None
    with open(descriptor, "wb") as file:
        file.write(data)
