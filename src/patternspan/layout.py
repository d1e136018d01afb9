"""Where files stand under the root (`state/` by default). Ids are data: they are escaped before they become paths."""

from __future__ import annotations

import os
import re
from typing import Final

LOG_NAME: Final = "pattern_events.jsonl"
ARTIFACTS: Final = "artifacts"
"""The folder below the root for the whole of texts that were cut."""
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
