"""What fault injection needs of the machine, a fixture each: missing, it fails in CI and skips elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disks import Ext4, mounted
from shim import Shim

HERE = Path(__file__).parent


def _need(there: bool, what: str) -> None:
    if there:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"fault injection in CI needs {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture
def root_folder(tmp_path: Path) -> Path:
    """Return the root that the children record to."""
    return tmp_path / "state"


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script that may import the programs of this folder, in an empty folder whose `state` is the root."""

    def run(script: str, *words: str, code: int = 0, timeout: float = 120, **variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HERE), **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def _library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the shim."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    _need(compiler is not None, "a C compiler with headers (apt-get install gcc libc6-dev)")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    flags = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC"]
    done = subprocess.run(
        [str(compiler), *flags, "-o", str(library), str(HERE / "shim.c")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return library


@pytest.fixture
def shim(_library: Path, tmp_path: Path, root_folder: Path) -> Shim:
    """Return faults to inject into what children do below the root, and into their clock."""
    return Shim(_library, tmp_path / "orders", root_folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a root on a file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        with mounted("-t", "tmpfs", "-o", "size=1m", "none", folder):
            yield folder / "state"
    except PermissionError as error:
        _need(False, f"to mount a tmpfs, as root ({error})")


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Ext4]:
    """Return an ext4 of its own in a file, which can lose its power."""
    _need(shutil.which("mkfs.ext4") is not None, "mkfs.ext4 (apt-get install e2fsprogs)")
    disk = Ext4(tmp_path)
    try:
        disk.mount()
    except PermissionError as error:
        _need(False, f"to mount an ext4 on a loop device, as root ({error})")
    yield disk
    disk.unmount()


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Tell how often something was injected, or how long it took, for the table of `scripts/faults`."""

    def told(**figures: float) -> None:
        for name, figure in figures.items():
            record_property(name, figure)

    return told
