"""Databases for tests: SQLite in a file, and PostgreSQL, started for the session where the system has it."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from patternspan.store import Store

_numbers = itertools.count()


def _programs():
    """Return the folder of the server's programs; Debian keeps it off the path."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), Path(shutil.which("initdb") or "/none").parent]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _as_its_user(*command):
    """Run a program as somebody else than root, whom the server refuses."""
    switch = ["runuser", "-u", "postgres", "--"] if getpass.getuser() == "root" else []
    subprocess.run([*switch, *command], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Server:
    """PostgreSQL on a socket in a folder of its own."""

    def __init__(self, programs, folder):
        self._programs, self._folder = programs, folder
        self.url = f"postgresql+psycopg://tests@/{{}}?host={folder}"
        if getpass.getuser() == "root":
            shutil.chown(folder, "postgres")
        _as_its_user(programs / "initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "tests", "-N")

    def start(self):
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c fsync=off"
        self._control("-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def stop(self):
        """Stop it as a power loss does."""
        self._control("-m", "immediate", "stop")

    def _control(self, *words):
        _as_its_user(self._programs / "pg_ctl", "-D", f"{self._folder}/data", *words)


@contextlib.contextmanager
def started():
    """Start a server of its own."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not here: install Debian's `postgresql`")
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        server = Server(programs, folder)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # it is stopped already
                server.stop()


@pytest.fixture(scope="session")
def server():
    """Return the URL of a server without the name of a database."""
    with started() as one:
        yield one.url


@pytest.fixture
def own_server():
    """Return a server that a test may stop and start."""
    with started() as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Return the URL of a database that nobody has used."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/patternspan.db"
    server = request.getfixturevalue("server")
    name = f"d{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C.UTF-8'")
    engine.dispose()
    return server.format(name)


@pytest.fixture
def store(url):
    opened = Store(url)
    yield opened
    opened.close()
