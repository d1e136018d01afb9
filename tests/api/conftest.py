"""An application over a root of a test's own, and a real server in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from patternspan.api import create_app
from served import BASE, Server


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The root."""
    root = tmp_path / "state"
    root.mkdir()
    return root


@pytest.fixture
def client(place: Path) -> Iterator[TestClient]:
    """Asks an application over the root."""
    with TestClient(create_app(place), base_url=BASE) as made:
        yield made


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
