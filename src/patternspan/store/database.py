"""One database, opened: SQLite in a file, or PostgreSQL. Its errors name the place and the next step."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from patternspan.errors import ConfigError, MissingExtraError, StoreError
from patternspan.files import make_folders
from patternspan.store.migrations import STEPS, check, migrate, version_of

BUSY_SECONDS: Final = 10.0
"""How long another writer is waited for."""
_PAUSE_SECONDS: Final = 0.02
_LOCK: Final = 0x7061747465726E73
"""The number of PostgreSQL's advisory lock that writers take: the letters of `patterns`."""
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -16384",
    "PRAGMA wal_autocheckpoint = 4000",
)
_BEGIN: Final = "patternspan_begin"
_CONNECT: Final = int(BUSY_SECONDS)
_engines: Final[WeakSet[Engine]] = WeakSet()


def url_of(text: str) -> URL:
    """Return the URL that a text means: a URL of SQLAlchemy's, or the path of a SQLite file.

    Raises ConfigError where it is neither.
    """
    if "://" not in text:
        return URL.create("sqlite", database=os.path.abspath(text))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError(f"store: {error}") from None
    kind = url.get_backend_name()
    if kind not in {"sqlite", "postgresql"}:
        raise ConfigError(f"store: {kind}: sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME is wanted")
    if kind == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if not url.database or url.database == ":memory:":
        raise ConfigError("store: a SQLite database needs a path: sqlite:///PATH")
    return url.set(database=os.path.abspath(url.database))


class Database:
    """A database that is there and has the schema of this version. Raises StoreError where it cannot be used."""

    def __init__(self, url: str, *, steps: Sequence[str] = STEPS) -> None:
        self._url = url_of(url)
        self.path = self._url.database if self._url.get_backend_name() == "sqlite" else None
        """Of a SQLite file; None of a server."""
        self.name = self.path or self._url.render_as_string(hide_password=True)
        if self.path is not None:
            _make_file(self.path)
        self._engine = self._make_engine()
        with self.read() as connection:
            version = version_of(connection)
        check(version, self.name, steps)
        if version < len(steps):
            with self.write() as connection:
                migrate(connection, self.name, steps)

    def _make_engine(self) -> Engine:
        try:
            if self.path is not None:
                engine = create_engine(self._url)
                event.listen(engine, "connect", _prepare)
                event.listen(engine, "begin", _begin)
            else:
                engine = create_engine(self._url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT})
        except (NoSuchModuleError, ModuleNotFoundError):
            raise MissingExtraError("PostgreSQL needs an extra: pip install 'patternspan[postgresql]'") from None
        except (SQLAlchemyError, TypeError) as error:
            raise ConfigError(f"store: {self.name}: {error}") from None
        _engines.add(engine)
        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one moment of the database."""
        with self._told(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is the only one that writes; it is committed at the end, or not at all."""
        options = {_BEGIN: "BEGIN IMMEDIATE"}
        with self._told(), self._engine.connect().execution_options(**options) as connection, connection.begin():
            if self.path is None:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(BUSY_SECONDS * 1000)}")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self.name}: {_because(error.orig)}") from error
        except sqlite3.Error as error:
            raise StoreError(f"{self.name}: {_because(error)}") from error

    def analyze(self) -> None:
        """Let a server count what its tables hold: after many new rows it plans by guesses until it does so itself."""
        if self.path is None:
            with self.write() as connection:
                connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        """Close what is open."""
        self._engine.dispose()


def _forget_connections() -> None:
    """Leave the parent's connections to it, in a forked child."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections)


def _make_file(path: str) -> None:
    """Make the file for its owner alone; SQLite gives the files beside it the same permissions."""
    if os.path.islink(path):
        raise StoreError(f"{path}: a symbolic link: name the file itself")
    try:
        make_folders(os.path.dirname(path))
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened for writing: {error.strerror}: name another") from None


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says so, those of DDL too
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _use_wal(connection)


def _use_wal(connection: Any) -> None:
    """Switch to a write-ahead log. While another process does so SQLite refuses at once, and waits for nothing."""
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(_PAUSE_SECONDS)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _because(error: BaseException | None) -> str:
    text = " ".join(str(error).split())
    lowered = text.casefold()
    for sign, sentence in _SENTENCES.items():
        if sign in lowered:
            return sentence.format(text=text)
    return text


_NO_SERVER: Final = "no server answers there: see whether it runs, and whether the URL names it rightly"
_SENTENCES: Final = {
    "database is locked": f"another process has been writing to it for {BUSY_SECONDS:g} s: try again when it is done",
    "lock timeout": f"another process has been writing to it for {BUSY_SECONDS:g} s: try again when it is done",
    "readonly database": "it cannot be written to: give yourself the permission, or name another",
    "disk is full": "the disk is full: free some space and try again; the log holds all that is missing here",
    "no space left": "the disk is full: free some space and try again; the log holds all that is missing here",
    "not a database": "it is no SQLite database: name another, or remove it: the log has all that was in it",
    "malformed": "it is damaged: remove it, and it is made anew from the log",
    "disk i/o error": "the disk does not take it ({text}): free some space, or name another",
    "unable to open database file": "it cannot be opened: see whether its folder is there and can be written to",
    "connection refused": _NO_SERVER,
    "is the server running": _NO_SERVER,
    "server closed the connection": "the server has gone away: try again when it is back; nothing is lost",
    "connection is lost": "the server has gone away: try again when it is back; nothing is lost",
    "terminating connection": "the server has gone away: try again when it is back; nothing is lost",
    "starting up": "the server is not ready yet: try again in a moment",
    "shutting down": "the server is going away: try again when it is back; nothing is lost",
    "password authentication failed": "the server refuses this user or this password: see the URL",
}
"""Parts of errors of the databases, and what is told instead."""
