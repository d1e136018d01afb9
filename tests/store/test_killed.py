"""An ingest that is killed at any moment leaves nothing lost and nothing twice."""

from __future__ import annotations

import random
import subprocess
import sys
import threading

import pytest
from sqlalchemy import make_url
from store_tables import tables

from logs import START_NS, RunMaker
from patternspan.errors import StoreError
from patternspan.model.wire import encode
from patternspan.store import Store, ingest

KILLS = 100
"""On each of two databases."""
KILLER = """
import os, random, signal, sys, time
from patternspan.store import Store, ingest
ingest.BATCH_LINES = 20  # many transactions, to be killed within and between
url, log, more, kills = *sys.argv[1:4], int(sys.argv[4])
with open(more, "rb") as file:
    lines = file.readlines()
Store(url).close()
chance, midway, portion = random.Random(1), 0, len(lines) // kills
for at in range(kills):
    with open(log, "ab") as file:
        file.writelines(lines[at * portion : (at + 1) * portion])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        Store(url).ingest(log)
        os.write(write, b"done")
        signal.pause()
    time.sleep(chance.uniform(0, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(write)
    midway += os.read(read, 4) != b"done"
    os.close(read)
print(midway)
"""


def test_a_killed_ingest_goes_on_and_leaves_the_same_tables(tmp_path, url):
    log, more = tmp_path / "pattern_events.jsonl", tmp_path / "more"
    with more.open("wb") as file:
        for number in range(3000):
            events = RunMaker(number, START_NS + number * 10**9, f"PAT-{number % 5}").begin().events
            file.writelines(encode(event) + b"\n" for event in events)
    words = [sys.executable, "-c", KILLER, url, log, more, str(KILLS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert int(done.stdout) > KILLS // 10  # in the middle, the others when it was done
    assert log.read_bytes() == more.read_bytes()
    store = Store(url)
    store.ingest(str(log))
    whole = f"sqlite:///{tmp_path}/whole.db"
    Store(whole).ingest(str(log))
    assert tables(url) == tables(whole)
    assert store.verify(str(log)).differences == 0
    store.close()


GONE = (
    "the server has gone away: try again when it is back; nothing is lost",
    "no server answers there: see whether it runs, and whether the URL names it rightly",
    "the server is going away: try again when it is back; nothing is lost",
    "the server is not ready yet: try again in a moment",
)


def test_a_server_that_goes_away_in_the_middle_costs_nothing(tmp_path, own_server, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH_LINES", 20)
    log = tmp_path / "pattern_events.jsonl"
    with log.open("wb") as file:
        for number in range(1500):
            events = RunMaker(number, START_NS + number * 10**9, f"PAT-{number % 5}").begin().events
            file.writelines(encode(event) + b"\n" for event in events)
    url = own_server.url.format("postgres")
    name = make_url(url).render_as_string(hide_password=True)
    store = Store(url)
    chance = random.Random(2)
    told = set()
    for _ in range(6):
        stop = threading.Timer(chance.uniform(0.01, 0.3), own_server.stop)
        stop.start()
        with pytest.raises(StoreError) as raised:
            store.ingest(str(log))
            stop.join()
            store.ingest(str(log))
        told.add(str(raised.value))
        stop.join()
        own_server.start()
    assert told <= {f"{name}: {sentence}" for sentence in GONE}
    store.ingest(str(log))
    found = store.verify(str(log))
    assert (found.events, found.differences) == (9000, 0)
    store.close()
