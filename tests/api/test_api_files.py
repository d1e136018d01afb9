"""What tools wrote and what runs have left, and that nothing else can be had."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from logs import RunMaker
from patternspan.api import create_app
from patternspan.layout import tool_log
from served import BASE, append

TEXT = "".join(f"line {number}: é\n" for number in range(1, 5001))


def run_with(place: Path, *artifacts: str) -> str:
    """Write a run that names artifacts, and return its id."""
    maker = RunMaker(1)
    maker.add("execution.started", executor="python", command="x")
    maker.add(
        "execution.completed", "success", exit_code=0, duration_seconds=1, result_summary={}, artifacts=list(artifacts)
    )
    append(place, maker.events)
    return maker.run_id


def output(place: Path, run_id: str, text: str = TEXT, stream: str = "stdout") -> Path:
    """Write what its tool wrote."""
    path = Path(tool_log(str(place), run_id, stream))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_output_of_a_tool_is_given_as_it_is(client: TestClient, place: Path) -> None:
    """Each stream by itself."""
    run_id = run_with(place)
    output(place, run_id)
    output(place, run_id, "<script>alert(1)</script>\x1b[31mred", "stderr")
    answer = client.get(f"/api/pattern-runs/{run_id}/logs")
    assert (answer.status_code, answer.content) == (200, TEXT.encode())
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    wrong = client.get(f"/api/pattern-runs/{run_id}/logs?stream=stderr")
    assert wrong.content == b"<script>alert(1)</script>\x1b[31mred"
    assert client.get(f"/api/pattern-runs/{run_id}/logs?stream=stdin").status_code == 422
    assert client.get("/api/pattern-runs/PRUN-NONE/logs").json() == {"error": "Pattern run not found"}


@pytest.mark.parametrize(
    ("wanted", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10), ("bytes=100-", 206, 100, None), ("bytes=-50", 206, -50, None),
        ("bytes=0-99999999", 206, 0, None), ("bytes=0-1,5-6", 200, 0, None), ("lines=1-2", 200, 0, None),
        ("bytes=99999999-", 416, 0, 0), ("bytes=9-1", 416, 0, 0), ("bytes=-0", 416, 0, 0),
    ],
)  # fmt: skip
def test_a_part_of_it_is_given(
    client: TestClient, place: Path, wanted: str, status: int, start: int, end: int | None
) -> None:
    """As RFC 9110 has it, for one range."""
    run_id = run_with(place)
    output(place, run_id)
    answer = client.get(f"/api/pattern-runs/{run_id}/logs", headers={"Range": wanted})
    assert answer.status_code == status
    data = TEXT.encode()
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{len(data)}"
        return
    assert answer.content == data[start:end]
    if status == 206:
        first = start if start >= 0 else len(data) + start
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(data)}"


def test_output_is_followed_until_the_run_ends(client: TestClient, place: Path) -> None:
    """All of it once, also what comes last."""
    maker = RunMaker(1)
    maker.add("execution.started", executor="subprocess", command="x")
    append(place, maker.events)
    path = output(place, maker.run_id, "first\n")

    def go_on() -> None:
        for number in range(5):
            time.sleep(0.1)
            with path.open("a") as file:
                file.write(f"more {number}\n")
        end = maker.add(
            "execution.completed", "success", exit_code=0, duration_seconds=1, result_summary={}, artifacts=[]
        )
        append(place, [end])

    writer = threading.Thread(target=go_on)
    writer.start()
    text = client.get(f"/api/pattern-runs/{maker.run_id}/logs?follow=true").text
    writer.join()
    assert text == "first\n" + "".join(f"more {number}\n" for number in range(5))


def test_artifacts_are_given_where_they_may_be(client: TestClient, place: Path) -> None:
    """What a browser can show as text or picture; pages and everything else as a file, which cannot act here."""
    folder = place / "artifacts"
    folder.mkdir()
    for name in ("report.json", "page.html", "picture.svg", "plot.png", "größe.txt"):
        (folder / name).write_bytes(b"<script>alert(1)</script>")
    names = ("report.json", "page.html", "picture.svg", "plot.png", "größe.txt")
    run_id = run_with(place, *(str(folder / name) for name in names), "artifacts/report.json")
    kinds = {}
    for number in range(6):
        answer = client.get(f"/api/pattern-runs/{run_id}/artifacts/{number}")
        assert answer.content == b"<script>alert(1)</script>"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        kinds[number] = answer.headers["content-type"], answer.headers["content-disposition"].partition(";")[0]
    assert kinds == {
        0: ("application/json", "inline"), 1: ("application/octet-stream", "attachment"),
        2: ("application/octet-stream", "attachment"), 3: ("image/png", "inline"),
        4: ("text/plain; charset=utf-8", "inline"), 5: ("application/json", "inline"),
    }  # fmt: skip
    assert client.get(f"/api/pattern-runs/{run_id}/artifacts/6").json() == {"error": "This run has 6 artifacts"}
    assert client.get(f"/api/pattern-runs/{run_id}/artifacts/-1").status_code == 422


def test_nothing_outside_is_given(client: TestClient, place: Path, tmp_path: Path) -> None:
    """By whatever path a run names it: a log is data, and may be anybody's."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (place / "link.txt").symlink_to(secret)
    (place / "folder").symlink_to(tmp_path)
    (tmp_path / "state-not").mkdir()
    (tmp_path / "state-not" / "secret.txt").write_text("secret")
    os.mkfifo(place / "pipe")
    paths = [
        str(secret), "../secret.txt", "link.txt", "folder/secret.txt", "/etc/passwd", "/dev/zero", "pipe", "a\0b",
        "..%2fsecret.txt", "folder/../../secret.txt", str(place) + "/../secret.txt", "", ".", "\ud800", "x" * 5000,
        str(tmp_path / "state-not" / "secret.txt"), "file:///etc/passwd", "/proc/self/environ",
    ]  # fmt: skip
    paths = [path for path in paths if path != "\ud800"]
    run_id = run_with(place, *paths)
    for number, path in enumerate(paths):
        answer = client.get(f"/api/pattern-runs/{run_id}/artifacts/{number}")
        assert answer.status_code == 404, path
        assert "secret" not in answer.text


def test_a_log_that_is_a_link_is_not_given(client: TestClient, place: Path, tmp_path: Path) -> None:
    """Whoever can write below the root cannot have this server read for them."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    run_id = run_with(place)
    path = Path(tool_log(str(place), run_id, "stdout"))
    path.parent.mkdir(parents=True)
    path.symlink_to(secret)
    assert client.get(f"/api/pattern-runs/{run_id}/logs").json() == {"error": "No stdout was kept of this run"}


def test_further_folders_are_named(place: Path, tmp_path: Path) -> None:
    """Relative paths are sought in them, too."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "report.txt").write_text("fine")
    run_id = run_with(place, "report.txt", str(folder / "report.txt"))
    with TestClient(create_app(place, artifacts=[str(folder)]), base_url=BASE) as client:
        for number in (0, 1):
            assert client.get(f"/api/pattern-runs/{run_id}/artifacts/{number}").text == "fine"
