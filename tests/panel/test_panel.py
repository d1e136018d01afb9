"""What somebody sees who looks: rows that appear by themselves, why a run failed, and views that can be sent on."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe import AXE
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from logs import START_NS, RunMaker, good_run
from patternspan.api import create_app
from patternspan.layout import tool_log
from served import Server, append, some_runs

WRITER = """
import sys, time
import patternspan
patternspan.configure(root=sys.argv[1])
@patternspan.pattern_span("PAT-LIVE-001")
def live(n):
    time.sleep(float(sys.argv[3]))
    return {"findings": n}
with patternspan.job("JOB-LIVE"):
    for n in range(int(sys.argv[2])):
        live(n)
"""


def write(place: Path, runs: int, seconds: float = 0.0) -> subprocess.Popen[bytes]:
    """Record runs in a process of their own."""
    return subprocess.Popen([sys.executable, "-c", WRITER, str(place), str(runs), str(seconds)])


def failing_run(place: Path) -> str:
    """Write a run of a tool that failed, with its output, and return its id."""
    maker = RunMaker(7, START_NS, "PAT-PYTEST-001").begin(command="pytest -q")
    maker.add(
        "execution.failed", "failed", exit_code=1, error_type="non_zero_exit", error_message="pytest: exit code 1",
        result="failure", tool_name="pytest",
    )  # fmt: skip
    append(place, maker.events)
    output = Path(tool_log(str(place), maker.run_id, "stdout"))
    output.parent.mkdir(parents=True)
    lines = "".join(f"test_{number} passed\n" for number in range(500))
    output.write_text(lines + "\x1b[31mE   assert 85 == 86\x1b[0m\n1 failed, 500 passed\n")
    return maker.run_id


def rows(page: Page) -> Any:
    return page.locator(".runs .line")


def test_runs_appear_while_they_happen(serve: Callable[..., Server], look: Callable[..., Page], place: Path) -> None:
    """Running ones first, with the time that they have taken so far; then how they ended."""
    server = serve()
    page = look(server.url)
    expect(page.get_by_text("No run yet.")).to_be_visible()
    writer = write(place, 2, 1.5)
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("running")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("running")
    expect(rows(page).nth(1)).to_contain_text("success")
    writer.wait()
    expect(rows(page).first).to_contain_text("1 findings")
    expect(page.locator(".figures")).to_contain_text(re.compile(r"runs\s*2.*running\s*0.*success\s*2", re.DOTALL))


def test_why_a_run_failed_is_one_click_away(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """Without scrolling: the error, and the end of what the tool wrote."""
    failing_run(place)
    append(place, *some_runs(20))
    server = serve()
    page = look(server.url, height=700)
    rows(page).filter(has_text="failed").click()
    expect(page.get_by_role("alert")).to_contain_text("pytest: exit code 1")
    last = page.get_by_text("E assert 85 == 86")
    expect(last).to_be_in_viewport()
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.locator(".output .f1")).to_have_text("E   assert 85 == 86")
    page.get_by_label("Search in the output").fill("assert")
    expect(page.locator(".output .row")).to_have_count(1)
    expect(page.locator(".output mark")).to_have_text("assert")
    page.get_by_role("button", name="stderr").click()
    expect(page.get_by_text("No stderr was kept of this run.")).to_be_visible()


def test_an_answer_that_was_cut_off_is_told(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """And one that nobody waits for any more, because something else was chosen meanwhile, is not."""
    failing_run(place)
    server = serve()
    page = look(server.url)
    expect(rows(page)).to_have_count(1)
    page.route(re.compile("/api/pattern-runs.*status=failed"), lambda route: route.fulfill(body='{"runs": ['))
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("The server's answer was cut off: reload the page.")).to_be_visible()
    page.get_by_label("Status").select_option("success")
    expect(rows(page)).to_have_count(0)
    page.get_by_label("Status").select_option("")
    expect(rows(page)).to_have_count(1)


def test_a_view_can_be_sent_to_somebody(serve: Callable[..., Server], look: Callable[..., Page], place: Path) -> None:
    """All that is chosen stands in the address."""
    run_id = failing_run(place)
    append(place, *some_runs(3))
    server = serve()
    page = look(server.url)
    page.get_by_label("Status").select_option("failed")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Text in command or error").fill("exit code")
    rows(page).first.click()
    expect(page).to_have_url(f"{server.url}/?status=failed&text=exit+code&run={run_id}")
    other = look(page.url)
    expect(rows(other)).to_have_count(1)
    expect(other.get_by_role("alert")).to_contain_text("pytest: exit code 1")
    expect(other.get_by_label("Text in command or error")).to_have_value("exit code")
    other.get_by_label("Text in command or error").fill("nothing has this")
    expect(other.get_by_text("No run is like this.")).to_be_visible()
    other.get_by_role("button", name="clear").click()
    expect(rows(other)).to_have_count(4)


def test_nothing_is_lost_when_the_server_comes_again(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """The page goes on by itself, with what was recorded meanwhile."""
    server = serve()
    page = look(server.url)
    expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
    write(place, 3).wait()
    expect(rows(page)).to_have_count(3)
    server.stop()
    expect(page.get_by_role("status").filter(has_text="connecting")).to_be_visible()
    write(place, 4).wait()
    serve(port=server.port)
    expect(rows(page)).to_have_count(7, timeout=20_000)
    write(place, 2).wait()
    expect(rows(page)).to_have_count(9)


def test_a_job_of_ten_thousand_events_is_a_timeline(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """Of which the page holds what can be seen; it stands at its end, and goes on there."""
    append(place, *(good_run(number, START_NS + number * 10**8) for number in range(1, 1440)))
    server = serve()
    job = good_run(1)[0].job_id
    page = look(f"{server.url}/?view=timeline&job={job}")
    listed = page.locator(".timeline .row")
    expect(page.locator(".timeline .all")).to_have_css("height", f"{1439 * 7 * 30}px", timeout=20_000)
    assert listed.count() < 80
    expect(listed.last).to_be_in_viewport()
    assert listed.last.get_attribute("aria-posinset") == str(1439 * 7)
    page.locator(".timeline .rows").evaluate("element => element.scrollTop = 0")
    expect(listed.first).to_contain_text("selection.started")
    assert listed.first.get_attribute("aria-posinset") == "1"
    listed.first.get_by_role("button").click()
    expect(page.get_by_role("article")).to_contain_text("PAT-SEMGRP-001")


def test_the_keyboard_is_enough(serve: Callable[..., Server], look: Callable[..., Page], place: Path) -> None:
    """Search, go through runs, open, close, and see the keys."""
    append(place, *some_runs(5))
    server = serve()
    page = look(server.url)
    expect(rows(page)).to_have_count(5)
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(rows(page).nth(at)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("article")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_label("Text in command or error")).to_be_focused()


def test_patterns_and_jobs_lead_to_their_runs(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """With rates and a line of durations."""
    failing_run(place)
    append(place, *some_runs(4))
    server = serve()
    page = look(f"{server.url}/?view=patterns")
    row = page.get_by_role("row").filter(has_text="PAT-SEMGRP-001")
    expect(row).to_contain_text("100 %")
    expect(row.get_by_role("img")).to_have_attribute("aria-label", "Durations of the last 4 runs")
    row.get_by_role("button").click()
    expect(rows(page)).to_have_count(4)
    page.get_by_role("button", name="All patterns").click()
    page.get_by_role("button", name="jobs").click()
    page.get_by_role("row").nth(1).get_by_role("button").click()
    expect(rows(page)).to_have_count(5)


def test_runs_are_compared_with_the_last_success(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path
) -> None:
    """Unless another is chosen."""
    good = RunMaker(1, START_NS, "PAT-PYTEST-001").begin(command="pytest")
    good.succeed()
    append(place, good.events)
    maker = RunMaker(2, START_NS + 10**11, "PAT-PYTEST-001").begin(command="pytest -x")
    maker.add(
        "execution.failed", "failed", exit_code=1, error_type="non_zero_exit", error_message="no", result="failure"
    )
    append(place, maker.events)
    server = serve()
    page = look(f"{server.url}/?run={maker.run_id}")
    page.get_by_role("button", name="with the last success").click()
    table = page.locator(".diff")
    expect(table).to_contain_text("tool.command")
    expect(table.get_by_role("row").filter(has_text="status")).to_contain_text("successfailed")


def test_what_runs_say_is_text(serve: Callable[..., Server], look: Callable[..., Page], place: Path) -> None:
    """Whatever it looks like: nothing of it acts, and what deceives the eye is written out."""
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    maker = RunMaker(1, START_NS, f"PAT-{evil}")
    maker.add("execution.started", executor="subprocess", command=f"echo {evil} \u202egpj.exe", tool_name="echo")
    maker.add(
        "execution.failed",
        "failed",
        exit_code=1,
        error_type=evil,
        error_message=f"{evil}\u202e\x1b[2J",
        result="failure",
    )
    append(place, maker.events)
    output = Path(tool_log(str(place), maker.run_id, "stdout"))
    output.parent.mkdir(parents=True)
    output.write_text(f"{evil}\x1b]0;owned\x07\x1b[31m{evil}\n")
    server = serve()
    page = look(server.url)
    rows(page).first.click()
    expect(page.get_by_role("alert")).to_contain_text("\\u202e")
    expect(page.locator(".output .f1")).to_have_text(evil)
    assert page.title() == "Pattern activity"
    assert page.locator("img:not([role])").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path, scheme: str
) -> None:
    """In any view, by the rules of WCAG 2 A and AA, contrast among them."""
    run_id = failing_run(place)
    append(place, *some_runs(5))
    server = serve()
    job = good_run(1)[0].job_id
    found = []
    for view in ("", f"?run={run_id}", f"?view=timeline&job={job}", "?view=patterns", "?view=jobs", "?text=none"):
        page = look(f"{server.url}/{view}", color_scheme=scheme)
        page.wait_for_timeout(700)
        page.evaluate(AXE.read_text())
        told = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        found += [
            (view, one["id"], one["impact"], one["nodes"][0]["html"][:200])
            for one in told["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    assert found == []


@pytest.mark.parametrize(("width", "height"), [(360, 640), (1920, 1080)])
def test_it_fits_phones_and_large_screens(
    serve: Callable[..., Server], look: Callable[..., Page], place: Path, width: int, height: int
) -> None:
    """Nothing sticks out sideways."""
    run_id = failing_run(place)
    append(place, *some_runs(5))
    server = serve()
    for view in ("", f"?run={run_id}", "?view=patterns", "?view=jobs"):
        page = look(f"{server.url}/{view}", width, height)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        main = page.locator("aside" if "run=" in view else "main")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")


def test_the_token_opens_the_page(serve: Callable[..., Server], look: Callable[..., Page], place: Path) -> None:
    """Once, by its address; it does not stay there."""
    append(place, *some_runs(2))
    server = serve(PATTERNSPAN_TOKEN="a-token-of-tests")
    page = look(f"{server.url}/?token=a-token-of-tests&status=success")
    expect(rows(page)).to_have_count(2)
    expect(page).to_have_url(f"{server.url}/?status=success")
    expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()


PAGE = """<!doctype html><title>An engine</title>
<script type="module" src="/patterns/panel.js"></script>
<pattern-activity-panel job-id="{job}" trace-url="http://localhost:16686/trace/{{trace_id}}"></pattern-activity-panel>
"""


def test_a_page_of_somebody_elses_has_it_as_an_element(look: Callable[..., Page], place: Path) -> None:
    """Of one job, out of an application that mounts the server; the address of the page stays its own."""
    first, other = RunMaker(1, job=1).begin().succeed(), RunMaker(2, job=2).begin().succeed()
    append(place, first.events, other.events)
    page_text = PAGE.format(job=first.job_id)
    app = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(page_text)),
            Route("/favicon.ico", lambda _: HTMLResponse("")),
            Mount("/patterns", create_app(place)),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    page = look(f"http://127.0.0.1:{port}/")
    expect(rows(page)).to_have_count(1)
    rows(page).first.click()
    expect(page.get_by_role("article")).to_contain_text("PAT-SEMGRP-001")
    expect(page).to_have_url(f"http://127.0.0.1:{port}/")
    third = RunMaker(3, START_NS + 10**10, job=1).begin()
    append(place, third.events)
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("running")
    page.context.close()
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()
