"""The panel in a real browser: Chromium, on a server in a process of its own."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from served import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a module: while it is there playwright keeps an event loop running, which other tests need."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium here: install Debian's `chromium`")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The root."""
    root = tmp_path / "state"
    root.mkdir()
    return root


@pytest.fixture
def serve(place: Path) -> Iterator[Callable[..., Server]]:
    """Start servers over the root."""
    begun: list[Server] = []

    def start(*words: str, **more: Any) -> Server:
        begun.append(Server(place, *words, **more))
        return begun[-1]

    yield start
    for server in begun:
        server.stop(signal.SIGKILL)


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages that have to be without an error of their own."""
    wrong: list[str] = []
    contexts = []

    def opened(url: str, width: int = 1280, height: int = 800, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            # A browser tells of every 404 and of a server that went, which tests bring about on purpose.
            lambda said: wrong.append(said.text) if said.type == "error" and "load resource" not in said.text else None,
        )
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
