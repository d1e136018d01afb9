"""The panel in Chromium: its bundle, when it first shows runs, how a timeline scrolls, how soon an event is drawn.

    python benchmarks/panel.py [--events 10000]

It needs Chromium and playwright. Frames are counted while a timeline of so many events is scrolled for three seconds,
60 rows a frame. *drawn* is the time from a message's arrival in the page to the first frame that has its row.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from make_log import write_log
from patternspan.model.ids import instant

PANEL = Path(__file__).resolve().parents[1] / "src" / "patternspan" / "api" / "static" / "panel.js"
FRAMES = """
async () => {
  const panel = document.querySelector("pattern-activity-panel").shadowRoot;
  const rows = panel.querySelector(".timeline .rows");
  rows.scrollTop = 0;
  const begin = performance.now();
  let frames = 0, last = begin, worst = 0;
  while (performance.now() - begin < 3000) {
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    worst = Math.max(worst, now - last);
    last = now;
    frames++;
    rows.scrollTop = (rows.scrollTop + 1800) % rows.scrollHeight;
  }
  return [frames / ((performance.now() - begin) / 1000), worst];
}
"""
DRAWN = """
() => {
  window.drawn = [];
  const panel = document.querySelector("pattern-activity-panel").shadowRoot;
  let arrived = 0;
  const source = new EventSource("/api/stream");
  source.addEventListener("pattern_event", () => { arrived = arrived || performance.now(); });
  new MutationObserver(() => {
    if (!arrived) return;
    const at = arrived;
    arrived = 0;
    requestAnimationFrame(() => window.drawn.push(performance.now() - at));
  }).observe(panel, { subtree: true, childList: true, characterData: true });
}
"""
WRITER = """
import sys, time, patternspan
patternspan.configure(root=sys.argv[1])
@patternspan.pattern_span("PAT-DRAWN-001")
def work():
    pass
for _ in range(20):
    work()
    time.sleep(0.2)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium here: install Debian's `chromium`")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "events").mkdir()
        with (root / "events" / "pattern_events.jsonl").open("wb") as file:
            _, job = write_log(file, given.events, 1, instant("2026-01-01T00:00:00Z"))
        text = (root / "events" / "pattern_events.jsonl").read_text()
        # One job for all of it: the made log has one for every few runs.
        (root / "events" / "pattern_events.jsonl").write_text(re.sub(r'"job_id":"[^"]+"', f'"job_id":"{job}"', text))
        words = [sys.executable, "-m", "patternspan", "serve", "--root", name, "--port", "0"]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert server.stderr is not None
        found = re.match(r"http://\S+?:\d+/", server.stderr.readline())
        assert found is not None
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            shown = []
            for _ in range(5):
                page = browser.new_page()
                page.goto(found[0], wait_until="commit")
                page.locator(".runs .line").first.wait_for()
                shown.append(page.evaluate("performance.now()"))
                page.close()
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{found[0]}?view=timeline&job={job}")
            page.locator(".timeline .row").first.wait_for()
            page.wait_for_timeout(1500)
            rate, worst = page.evaluate(FRAMES)
            page.goto(found[0])
            page.locator(".runs .line").first.wait_for()
            page.evaluate(DRAWN)
            subprocess.run([sys.executable, "-c", WRITER, name], check=True)
            page.wait_for_timeout(500)
            drawn = page.evaluate("window.drawn")
            browser.close()
        server.send_signal(signal.SIGINT)
        server.wait(20)
    print(f"bundle: {len(gzip.compress(PANEL.read_bytes(), 9)) / 1024:.0f} KB gzip   goal 250 KB")
    print(f"runs are shown: {statistics.median(shown):.0f} ms after the page was asked for   goal 1,000 ms")
    print(f"timeline of {given.events:,} events: {rate:.0f} frames a second, the longest {worst:.0f} ms   goal 50")
    print(f"an event is drawn {statistics.median(drawn):.0f} ms after it arrived (median of {len(drawn)})")


if __name__ == "__main__":
    main()
