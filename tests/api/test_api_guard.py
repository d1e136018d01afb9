"""Who may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from patternspan.api import Feed, create_app, create_router
from served import BASE, append, some_runs

TOKEN = "a-token-of-tests"


@pytest.fixture
def guarded(place: Path) -> Iterator[TestClient]:
    """An application that wants a token."""
    with TestClient(create_app(place, token=TOKEN, hosts=["panel.example"]), base_url=BASE) as made:
        yield made


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:8321"])
def test_this_host_is_answered(client: TestClient, host: str) -> None:
    """By its names."""
    assert client.get("/api/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[", "10.0.0.1"]
)
def test_other_hosts_are_not(client: TestClient, host: str) -> None:
    """A name of somebody else's that leads here: DNS rebinding."""
    answer = client.get("/api/jobs", headers={"Host": host})
    assert answer.status_code == 421
    assert "--allow-host" in answer.json()["error"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://127.0.0.1:8321", 200), ("http://evil.example", 403), ("null", 403), ("http://127.0.0.1:9999", 403)],
)
def test_pages_of_other_sites_are_refused(client: TestClient, origin: str, status: int) -> None:
    """Requests and WebSockets alike; no header lets them read an answer."""
    headers = {"Origin": origin, "Host": "127.0.0.1:8321"}
    answer = client.get("/api/jobs", headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    if status == 200:
        with client.websocket_connect("/ws", headers=headers) as socket:
            socket.send_json({"subscribe": {}})
            assert socket.receive_json() == {"subscribed": {"job_id": None}, "reset": False}
    else:
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/ws", headers=headers),
        ):
            pass


def test_it_is_read_only_and_bounded(client: TestClient) -> None:
    """No method that changes, no body, no endless address."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, "/api/jobs").status_code == 405
    assert client.request("GET", "/api/jobs", content=b"x").status_code == 413
    assert client.get("/api/jobs?x=" + "x" * 9000).status_code == 414


def test_without_the_token_nothing_is_answered(guarded: TestClient, place: Path) -> None:
    """But whether it lives."""
    append(place, *some_runs(1))
    for path in ("/", "/api/jobs", "/api/openapi.json", "/metrics", "/api/stream", "/nothing"):
        answer = guarded.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert "PAT-" not in answer.text
    assert guarded.get("/healthz").status_code == 200
    with pytest.raises(WebSocketDisconnect), guarded.websocket_connect("/ws", headers={"Host": "127.0.0.1"}):
        pass


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"])
def test_a_wrong_token_is_none(guarded: TestClient, given: str) -> None:
    """Of whatever form."""
    assert guarded.get("/api/jobs", headers={"Authorization": given.encode("latin-1")}).status_code == 401  # type: ignore[dict-item]


def test_the_token_is_a_bearer_or_a_cookie(guarded: TestClient) -> None:
    """Which a browser gets by opening the address once, and never sends for another site."""
    assert guarded.get("/api/jobs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = guarded.get(f"/?status=failed&token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?status=failed")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
    assert guarded.get("/api/jobs").status_code == 200  # the client keeps it, as a browser does
    guarded.cookies.clear()
    assert guarded.get("/?token=wrong").status_code == 401


def test_a_named_host_is_answered(guarded: TestClient) -> None:
    """With the token."""
    headers = {"Host": "panel.example", "Authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/api/jobs", headers=headers).status_code == 200


def test_every_answer_tells_the_browser_to_be_careful(client: TestClient) -> None:
    """Errors too."""
    for path in ("/api/jobs", "/api/pattern-runs/NONE", "/nothing"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_it_can_be_mounted(place: Path) -> None:
    """Into an application that has no lifespan for it."""
    append(place, *some_runs(2))
    outer = Starlette(routes=[Mount("/patterns", create_app(place, token=TOKEN))])
    client = TestClient(outer, base_url=BASE)
    assert client.get("/patterns/api/jobs").status_code == 401
    answer = client.get(f"/patterns/?token={TOKEN}", follow_redirects=False)
    assert answer.headers["location"] == "/patterns/"
    assert len(client.get("/patterns/api/pattern-runs").json()["runs"]) == 2


def test_the_routes_alone_have_no_guard(place: Path) -> None:
    """For an engine that has its own."""
    from fastapi import FastAPI

    append(place, *some_runs(2))
    feed = Feed(place)
    feed.start()
    app = FastAPI()
    app.include_router(create_router(feed), prefix="/engine")
    client = TestClient(app)
    assert len(client.get("/engine/api/pattern-runs").json()["runs"]) == 2
    feed.close()


def test_another_address_wants_a_token(serve: Callable[..., Any]) -> None:
    """One that is made, and shown once."""
    import httpx2

    server = serve("--host", "0.0.0.0")
    token = server.told.partition("?token=")[2].split()[0]
    url = f"http://127.0.0.1:{server.port}/api/jobs"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert server.stop() == 0
    named = serve("--host", "0.0.0.0", PATTERNSPAN_TOKEN=TOKEN)
    assert "token" not in named.told
    url = f"http://127.0.0.1:{named.port}/api/jobs"
    assert httpx2.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
