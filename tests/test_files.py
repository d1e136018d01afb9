"""Folders are made wherever their path begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from patternspan.files import make_folders, open_folder


@pytest.mark.parametrize("path", ["state", "state/logs/run", "./state/logs"])
def test_a_relative_path_begins_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Also where nothing of it is there yet."""
    monkeypatch.chdir(tmp_path)
    make_folders(path)
    assert os.path.isdir(tmp_path / path)
    assert make_folders(path) == []


def test_a_folder_below_a_relative_one_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a tool's output, before anything else was written."""
    monkeypatch.chdir(tmp_path)
    os.close(open_folder("state/logs", ("PRUN-1",)))
    assert os.path.isdir(tmp_path / "state" / "logs" / "PRUN-1")
