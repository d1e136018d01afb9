"""Where files stand under the root (`state/` by default). Ids are data: they are escaped before they become paths."""

from __future__ import annotations

import os
import re
from typing import Final

LOG_NAME: Final = "pattern_events.jsonl"
ARTIFACTS: Final = "artifacts"
"""The folder below the root for the whole of texts that were cut."""
PACKED: Final = (".gz", ".zst")
"""What the name of a compressed segment ends with."""
STORE_NAME: Final = "patternspan.db"
"""The file in the root that is the state store, where no other is named."""
_SUFFIX: Final = ".jsonl"
_SAFE: Final = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch


def safe_name(identifier: str) -> str:
    """Return `identifier` as a file name: itself where it is harmless, else an escaped form that no other id has.

    A name of other characters, of more than 128, or `.` or `..`, becomes `%` and the hexadecimal of its UTF-8
    (its SHA-256 where that is too long).
    """
    if _SAFE(identifier) is not None and identifier not in {".", ".."}:
        return identifier
    data = identifier.encode("utf-8", "surrogatepass")
    if len(data) <= 100:
        return "%" + data.hex()
    import hashlib

    return "%" + hashlib.sha256(data).hexdigest()


def events_dir(root: str) -> str:
    """Return the folder of the logs."""
    return os.path.join(root, "events")


def store_file(root: str) -> str:
    """Return the path of the state store that needs no set-up."""
    return os.path.join(root, STORE_NAME)


def global_log(root: str) -> str:
    """Return the path of the log that holds every event."""
    return os.path.join(events_dir(root), LOG_NAME)


def job_log(root: str, job_id: str) -> str:
    """Return the path of the job-scoped copy."""
    return job_log_in(events_dir(root), job_id)


def job_log_in(folder: str, job_id: str) -> str:
    """Return the path of the job-scoped copy below a folder of logs."""
    return os.path.join(folder, "jobs", safe_name(job_id), LOG_NAME)


def run_archive(root: str, pattern_run_id: str, started_at: str) -> str:
    """Return the path of an archived run; `started_at` is a canonical UTC timestamp."""
    return os.path.join(root, "pattern_runs", started_at[:7], safe_name(pattern_run_id) + ".jsonl")


def tool_log(root: str, pattern_run_id: str, stream: str) -> str:
    """Return the path of what a run's tool wrote; `stream` is `stdout` or `stderr`."""
    return os.path.join(root, "logs", safe_name(pattern_run_id), stream + ".log")


def stem(log: str) -> str:
    """Return a log's path as the names of all that belongs to it begin: without `.jsonl`."""
    return log.removesuffix(_SUFFIX)


def segment(log: str, number: int) -> str:
    """Return the path of a rotated part of a log; compressed, one of `PACKED` is added to it."""
    return f"{stem(log)}.{number:08d}{_SUFFIX}"


def segment_number(log: str, name: str) -> int | None:
    """Return the number of a log's segment by the name of its file, plain or compressed; None for any other file."""
    start = os.path.basename(stem(log)) + "."
    number, _, rest = name.removeprefix(start).partition(".")
    if not name.startswith(start) or rest not in {"jsonl", "jsonl.gz", "jsonl.zst"}:
        return None
    return int(number) if number.isascii() and number.isdecimal() and len(number) >= 8 else None


def claimed_number(log: str, name: str) -> int:
    """Return the number that a file's name takes up, a seal's or an unfinished file's too; 0 for any other file."""
    start = os.path.basename(stem(log)) + "."
    number = name.removeprefix(start).partition(".")[0]
    if not name.startswith(start) or not (number.isascii() and number.isdecimal()) or len(number) < 8:
        return 0
    return int(number)


def manifest(log: str, number: int) -> str:
    """Return the path of the seal of a segment."""
    return f"{stem(log)}.{number:08d}.manifest.json"


def index(log: str) -> str:
    """Return the path of the list of a log's segments."""
    return f"{stem(log)}.index{_SUFFIX}"


def lock(log: str) -> str:
    """Return the path of the file that is locked while a log is renamed."""
    return f"{stem(log)}.lock"


def keep_lock(log: str) -> str:
    """Return the path of the file that is locked while old files are removed."""
    return f"{stem(log)}.keep.lock"
