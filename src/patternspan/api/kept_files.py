"""Files that runs have left: what their tools wrote, and artifacts; none outside of the folders that they belong to."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from patternspan.files import regular

_CHUNK: Final = 1 << 16
_TAIL_SECONDS: Final = 0.2
_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?")
_SHOWN: Final = {
    ".txt": "text/plain; charset=utf-8", ".log": "text/plain; charset=utf-8", ".md": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8", ".diff": "text/plain; charset=utf-8", ".patch": "text/plain; charset=utf-8",
    ".json": "application/json", ".jsonl": "text/plain; charset=utf-8", ".sarif": "application/json",
    ".xml": "text/plain; charset=utf-8", ".yaml": "text/plain; charset=utf-8", ".yml": "text/plain; charset=utf-8",
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
}  # fmt: skip
"""What a browser may show; of anything else, HTML and SVG above all, it gets a file to keep."""
TEXT: Final = _SHOWN[".txt"]


def missing(text: str) -> Response:
    """Return the answer where there is no such file."""
    return JSONResponse({"error": text}, 404)


def opened_within(path: str, folders: Sequence[str]) -> int | None:
    """Open a file for reading if it really lies in one of these folders and is a regular one; None where it does not.

    A link in the path is followed before that is decided, and decided it is of the file that was opened.
    """
    if "\0" in path:
        return None
    try:
        file = regular(os.path.realpath(path, strict=True))
    except (OSError, ValueError):
        return None
    try:
        real = os.readlink(f"/proc/self/fd/{file}")
    except OSError:
        real = os.path.realpath(path)
    if any(real.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders):
        return file
    os.close(file)
    return None


def artifact_file(path: str, folders: Sequence[str]) -> int | None:
    """Open an artifact by the path that its run has told, relative to any of the folders where it is not absolute."""
    for folder in folders:
        file = opened_within(os.path.join(folder, path), [folder])
        if file is not None:
            return file
    return None


def artifact_answer(file: int, path: str, wanted: str | None) -> Response:
    """Return an artifact, or a part of it, in a form that cannot act in this origin."""
    kind = _SHOWN.get(os.path.splitext(path)[1].lower())
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    name = quote(os.path.basename(path) or "artifact", safe="")
    headers["Content-Disposition"] = f"{'inline' if kind else 'attachment'}; filename*=UTF-8''{name}"
    return file_answer(file, wanted, kind or "application/octet-stream", headers)


def file_answer(file: int, wanted: str | None, kind: str, headers: dict[str, str]) -> Response:
    """Return a file that is open, whole or in the range that is wanted; it is closed when it was sent."""
    size = os.fstat(file).st_size
    found = span_of(wanted, size)
    headers = {**headers, "Accept-Ranges": "bytes"}
    if found is None:
        os.close(file)
        return JSONResponse({"error": f"{wanted}: not within {size} bytes"}, 416, {"Content-Range": f"bytes */{size}"})
    start, end = found
    status = 206 if (wanted and (start, end) != (0, size)) or (wanted and _RANGE.fullmatch(wanted)) else 200
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    return StreamingResponse(_part(file, start, end), status, headers, kind)


def span_of(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one behind the last that a `Range` asks for; all where it asks for none or several.

    None where nothing of it is there.
    """
    match = _RANGE.fullmatch(wanted.replace(" ", "")) if wanted else None
    if match is None or (match[1] is None and match[2] is None):
        return 0, size
    if match[1] is None:
        length = int(match[2])
        return (max(0, size - length), size) if length and size else None
    start = int(match[1])
    end = size if match[2] is None else min(size, int(match[2]) + 1)
    return (start, end) if start < end else None


async def _part(file: int, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        while start < end:
            data = await run_in_threadpool(os.pread, file, min(_CHUNK, end - start), start)
            if not data:
                break  # it was cut meanwhile
            start += len(data)
            yield data
    finally:
        os.close(file)


async def tail(file: int, start: int, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield a file that grows, from a byte on, until what writes it is over and all was read."""
    try:
        while True:
            over = await run_in_threadpool(is_over)
            while data := await run_in_threadpool(os.pread, file, _CHUNK, start):
                start += len(data)
                yield data
            if over:
                return
            await asyncio.sleep(_TAIL_SECONDS)
    finally:
        os.close(file)
