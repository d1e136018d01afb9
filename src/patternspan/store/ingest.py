"""A log into the store: what is new in it, from the byte where the last ingest stopped.

Each batch of lines is one transaction, with the place behind it. Who is killed leaves whole batches, and goes on behind
the last one. Two at once take turns, batch by batch; what one has taken changes nothing for the other.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from patternspan.log.reader import BadLine, LineNumbers, LogLine, PackedNumbers, before_damage, read_found, unpacked
from patternspan.log.scan import Found, end_of_lines, scan
from patternspan.log.segments import Part, opened, parts_of
from patternspan.model.packing import Unpacked
from patternspan.store.database import Database
from patternspan.store.positions import (
    FIRST_BYTES,
    TAIL_BYTES,
    Place,
    identity,
    log_name,
    read_place,
    read_places,
    stamp_of,
    write_place,
)
from patternspan.store.writing import Line, write_events

BATCH_LINES: Final = 8000
BATCH_BYTES: Final = 8 * 1024 * 1024
_MOST_PASSES: Final = 4
_MANY_ROWS: Final = 50_000

OnProblem = Callable[[BadLine], object]


class Ingested(msgspec.Struct):
    """What an ingest has done so far."""

    new: int = 0
    """Events that were not in the store."""
    read: int = 0
    """Lines that hold an event."""
    bytes: int = 0
    """Of text, read from where the last ingest stopped."""
    total: int = 0
    """Bytes of the files that have changed since."""


OnProgress = Callable[[Ingested], object]


def ingest(
    database: Database, log: str, on_problem: OnProblem | None = None, on_progress: OnProgress | None = None
) -> Ingested:
    """Take what is new in a log, in all its parts, into the database. Raises StoreError; what was taken stays taken."""
    return _Ingest(database, log, on_problem, on_progress).run()


class _Ingest:
    """One ingest of one log."""

    def __init__(
        self, database: Database, log: str, on_problem: OnProblem | None, on_progress: OnProgress | None
    ) -> None:
        self._database = database
        self._log = log
        self._name = log_name(log)
        self._on_problem = on_problem or _nobody
        self._on_progress = on_progress or _nobody
        self._done = Ingested()
        self._places: dict[str, Place] = {}
        self._stamps: set[str] = set()
        """Of files that need not be opened."""

    def run(self) -> Ingested:
        """Read the files that have changed, and once more those that did so meanwhile."""
        with self._database.read() as connection:
            self._places = read_places(connection, self._name)
        self._stamps = {place.stamp for place in self._places.values()}
        for _ in range(_MOST_PASSES):
            changed = self._changed()
            if not changed:
                break
            self._done.total += sum(size for _, size in changed)
            for path, size in changed:
                before = self._done.bytes
                self._read_file(path)
                self._done.bytes = before + size
        if self._done.new >= _MANY_ROWS:
            self._database.analyze()
        return self._done

    def _changed(self) -> list[tuple[str, int]]:
        found = []
        for path in parts_of(self._log):
            try:
                status = os.stat(path)
            except OSError:
                continue  # the live file is not begun yet, or a part was compressed since: it is seen next time
            if stamp_of(status) not in self._stamps:
                found.append((path, status.st_size))
        return found

    def _read_file(self, path: str) -> None:
        part = opened(path)
        if part is None:
            return
        if isinstance(part.file, BadLine):
            self._give_up(path, part.file)
            return
        try:
            text = unpacked(part.file, part.path)
            if isinstance(text, BadLine):
                self._give_up(path, text)
            elif text is None:
                self._read_plain(path, part.file)
            else:
                self._read_packed(part.path, part.file, text)
        except OSError as error:
            self._give_up(path, BadLine(path, 0, error.strerror or str(error)))
        finally:
            os.close(part.file)

    def _give_up(self, path: str, problem: BadLine) -> None:
        self._on_problem(problem)
        with contextlib.suppress(OSError):
            self._stamps.add(stamp_of(os.stat(path)))

    def _read_plain(self, path: str, file: int) -> None:
        status = os.fstat(file)
        end = end_of_lines(file, status.st_size)
        place = self._place(os.pread(file, FIRST_BYTES, 0))
        start = place.offset
        if start > end or _tail(file, start) != place.tail:
            start = 0  # it was emptied, and filled again

        def reached(offset: int) -> Place:
            return msgspec.structs.replace(place, offset=offset, tail=_tail(file, offset))

        numbers = LineNumbers(file)
        taken = self._take(path, scan(file, start, end), numbers.at, start, reached)
        rest = os.pread(file, status.st_size - end, end)
        # What has no newline may be a whole event all the same; in a file that still grows the rest of it may come.
        is_live = isinstance(path, Part) and path.live
        last = self._events(path, [(end, rest)] if rest else [], numbers.at, quiet=is_live)
        self._write(last, taken, end, reached, stamp_of(status))

    def _read_packed(self, path: str, file: int, text: Unpacked) -> None:
        stamp = stamp_of(os.fstat(file))
        first = bytearray(FIRST_BYTES)
        place = self._place(bytes(first[: text.readinto(memoryview(first))]))
        again = unpacked(file, path)
        assert isinstance(again, Unpacked)
        found = before_damage(scan(again, None), again)
        new = ((offset, data) for offset, data in found if offset >= place.offset)

        def reached(offset: int) -> Place:
            return msgspec.structs.replace(place, offset=offset, tail=b"")

        end = self._take(path, new, PackedNumbers(file, path).at, place.offset, reached)
        if again.error:
            self._on_problem(BadLine(path, 0, f"not readable from some place on: {again.error}"))
        self._write([], end, end, reached, stamp)

    def _place(self, first: bytes) -> Place:
        file = identity(first)
        return self._places.get(file) or Place(self._name, file)

    def _take(
        self,
        path: str,
        found: Iterable[Found],
        number_at: Callable[[int], int],
        start: int,
        reached: Callable[[int], Place],
    ) -> int:
        """Take lines batch by batch, and return where the last one ends."""
        begun = self._done.bytes
        batch: list[Found] = []
        for item in found:
            if len(batch) >= BATCH_LINES or (batch and item[0] - batch[0][0] >= BATCH_BYTES):
                self._done.bytes = begun + item[0]
                self._write(self._events(path, batch, number_at), start, item[0], reached)
                batch, start = [], item[0]
            batch.append(item)
        if not batch:
            return start
        offset, data = batch[-1]
        end = offset + len(data or b"") + 1
        self._write(self._events(path, batch, number_at), start, end, reached)
        return end

    def _events(
        self, path: str, found: Iterable[Found], number_at: Callable[[int], int], *, quiet: bool = False
    ) -> list[Line]:
        lines = []
        for item in read_found(path, found, number_at):
            if isinstance(item, LogLine):
                lines.append((item.data, item.event))
            elif not quiet:
                self._on_problem(item)
        return lines

    def _write(self, lines: list[Line], start: int, end: int, reached: Callable[[int], Place], stamp: str = "") -> None:
        """Take the lines between two places, unless another ingest has.

        The place is moved only where all before these lines is taken: who empties the store meanwhile reads it again.
        """
        self._done.read += len(lines)
        place = msgspec.structs.replace(reached(end), stamp=stamp)
        if stamp:
            self._stamps.add(stamp)
        if lines or (place.file and place != self._places.get(place.file)):
            with self._database.write() as connection:
                stored = read_place(connection, self._name, place.file) if place.file else None
                if stored is not None and _holds(stored, place) and stored.tail == reached(stored.offset).tail:
                    place = stored
                else:
                    self._done.new += write_events(connection, lines) if lines else 0
                    if place.file and start <= (0 if stored is None else stored.offset):
                        write_place(connection, place)
                self._places[place.file] = place
        self._on_progress(self._done)


def _holds(stored: Place, place: Place) -> bool:
    """Say whether all is taken up to a place. With a stamp comes a last line, which stands behind its place."""
    return stored.offset > place.offset or (stored.offset == place.offset and not place.stamp)


def _nobody(_what: object) -> None:
    return


def _tail(file: int, offset: int) -> bytes:
    start = max(0, offset - TAIL_BYTES)
    return os.pread(file, offset - start, start)
