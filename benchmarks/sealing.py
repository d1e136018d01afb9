"""What sealing and verifying cost, against SHA-256 of the same file by hashlib, in one run.

python benchmarks/sealing.py [--events 1000000] [--rounds 5] [--folder DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from make_log import write_log
from patternspan.evidence.manifest import leaves_path, manifest_path
from patternspan.evidence.seal import seal
from patternspan.evidence.verify import verify


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def plain_sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while data := file.read(1 << 20):
            found.update(data)
    return found.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        segment = Path(folder, "pattern_events.00000001.jsonl")
        with segment.open("wb") as file:
            write_log(file, options.events, 1, time.time_ns())
        size = segment.stat().st_size
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times: dict[str, list[float]] = {"sha256": [], "seal": [], "verify": []}
        for _ in range(options.rounds):
            for path in (leaves_path(folder, 1), manifest_path(folder, 1)):
                if os.path.exists(path):
                    os.unlink(path)
            times["sha256"].append(seconds_of(lambda: plain_sha256(segment)))
            times["seal"].append(seconds_of(lambda: seal(folder, grace=0)))
            times["verify"].append(seconds_of(lambda: verify(folder)))
        if not verify(folder).ok:
            raise SystemExit("what was sealed does not verify")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{options.events:,} lines, {size / 1e6:.0f} MB")
    for name, values in times.items():
        middle, best = statistics.median(values), min(values)
        print(f"{name:8} {middle * 1000:7.0f} ms   {size / middle / 1e6:6.0f} MB/s   best {best * 1000:.0f} ms")
    beyond = statistics.median(
        (ours - theirs) * 1e6 / options.events for ours, theirs in zip(times["seal"], times["sha256"], strict=True)
    )
    ratio = statistics.median(a / b for a, b in zip(times["verify"], times["sha256"], strict=True))
    least = (min(times["seal"]) - min(times["sha256"])) * 1e6 / options.events
    print(f"sealing beyond SHA-256: {beyond:.2f} s per 1,000,000 lines, at best {least:.2f}   goal 1 s")
    print(f"verify / SHA-256: {ratio:.2f} x")
    speeds = [size / found / 1e6 for found in (statistics.median(times["verify"]), min(times["verify"]))]
    print(f"verify: {speeds[0]:.0f} MB/s, at best {speeds[1]:.0f}   goal 300 MB/s")
    print(f"memory for both: {(peak - before) / 1000:.0f} MB")


if __name__ == "__main__":
    main()
