"""Eight writers of several threads, killed and stopped at random moments and begun anew.

`python storm.py ROOT KILLS OPTIONS` leaves what was acknowledged in `acked.json` beside the root.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from writers import Ours

WRITERS = 8
MEAN_SECONDS = 0.04
SIZES = [50] * 500 + [1000] * 300 + [5000] * 150 + [100_000] * 40 + [1_000_000] * 9 + [12_000_000]


class Process:
    """A forked writer, and the pipe on which it acknowledges."""

    def __init__(self, root: str, number: int, options: dict[str, Any]) -> None:
        self.pipe, writing = os.pipe()
        self.held = b""
        self.stopped = self.dead = False
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.pipe)
            try:
                record(root, number, writing, options)
            finally:
                os._exit(1)
        os.close(writing)

    def take(self) -> list[str] | None:
        """Return the ids that have come; None where it is dead and all are taken."""
        data = os.read(self.pipe, 1 << 16)
        if not data:
            return None
        *whole, self.held = (self.held + data).split(b"\n")
        return [line.decode() for line in whole]

    def kill(self) -> None:
        self.dead = True
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def record(root: str, number: int, pipe: int, options: dict[str, Any]) -> None:
    """Record without end, in one to three threads."""
    choose = random.Random(number)
    options = {"job_log": number % 4 == 0, "archive": False, **options}

    first = Ours(root, f"{number}.0", options)

    def work(writer: Ours) -> None:
        while True:
            os.write(pipe, writer.one(choose.choice(SIZES)).encode() + b"\n")

    for own in range(1, number % 3 + 1):
        threading.Thread(target=work, args=(first.another(f"{number}.{own}"),)).start()
    work(first)


def main() -> None:
    root, kills, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    choose = random.Random()
    selector = selectors.DefaultSelector()
    acked: list[str] = []
    born = killed = stops = 0

    def start() -> None:
        nonlocal born
        process = Process(root, born, options)
        born += 1
        selector.register(process.pipe, selectors.EVENT_READ, process)

    for _ in range(WRITERS):
        start()
    due = time.monotonic()
    while selector.get_map():
        for key, _ in selector.select(max(0, due - time.monotonic()) if killed < kills else None):
            ids = key.data.take()
            if ids is None:
                selector.unregister(key.fd)
                os.close(key.fd)
            else:
                acked += ids
        if time.monotonic() < due:
            continue
        due = time.monotonic() + choose.expovariate(1 / MEAN_SECONDS)
        living = [key.data for key in selector.get_map().values() if not key.data.dead]
        if killed >= kills:
            for process in living:
                process.kill()
                killed += 1
            due = float("inf")
        elif choose.random() < 0.2:
            process = choose.choice(living)
            process.stopped = not process.stopped
            os.kill(process.pid, signal.SIGSTOP if process.stopped else signal.SIGCONT)
            stops += process.stopped
        else:
            choose.choice(living).kill()
            killed += 1
            start()
    result = {"kills": killed, "stops": stops, "acked": acked}
    Path(root).parent.joinpath("acked.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
