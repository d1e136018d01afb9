"""What `import patternspan` costs next to the two packages that it stands on: whole interpreters, in turn.

python benchmarks/importing.py [--rounds 25]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

BASE = "import opentelemetry.trace, msgspec"
OURS = "import patternspan"
# Without compiled files every import would compile anew.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds_of(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    for code in (BASE, OURS):
        seconds_of(code)  # the first import writes the compiled files
    pairs = [(seconds_of(BASE), seconds_of(OURS)) for _ in range(options.rounds)]
    base, ours = (statistics.median(values) * 1000 for values in zip(*pairs, strict=True))
    ratio = statistics.median(ours / base for base, ours in pairs)
    print(f"{BASE}: {base:.1f} ms")
    print(f"{OURS}: {ours:.1f} ms")
    print(f"ratio: {ratio:.2f} x   goal 1.2 x")


if __name__ == "__main__":
    main()
