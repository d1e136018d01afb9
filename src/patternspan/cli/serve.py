"""`patternspan serve`: the panel and the HTTP API, on this host."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from patternspan.cli.options import settings, shared
from patternspan.cli.screen import note
from patternspan.errors import ConfigError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from patternspan.api import Feed

TOKEN_VARIABLE: Final = "PATTERNSPAN_TOKEN"  # noqa: S105 - the name of it
PORT: Final = 8321
_GRACE_SECONDS: Final = 2


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; any other than this asks for a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A further name under which this server is asked.")
@click.option("--artifacts", multiple=True, type=click.Path(exists=True, file_okay=False), metavar="DIR",
              help="A further folder that artifacts may be read from.")  # fmt: skip
@click.option("--trace-url", default="", metavar="URL", help="Where a trace can be seen, with {trace_id} in it.")
@shared()
def serve(host: str, port: int, allow_host: tuple[str, ...], artifacts: tuple[str, ...], trace_url: str) -> None:
    """Show what runs, what ran and why it failed on a page, live, and answer the same over HTTP.

    It listens on this host alone. On another address a token is asked for: that of PATTERNSPAN_TOKEN, else one that is
    made and shown once. Events are read from the log into the state store, which is made where there is none.
    """
    from patternspan.api import create_app

    if trace_url and "{trace_id}" not in trace_url:
        raise ConfigError(f"--trace-url {trace_url}: {{trace_id}} is wanted in it, where the id goes")
    place, store = settings().place(), settings().store_url()
    token = os.environ.get(TOKEN_VARIABLE, "")
    is_made = not token and host not in {"127.0.0.1", "localhost", "::1"}
    if is_made:
        token = secrets.token_urlsafe(24)
    listener = _listen(host, port)
    address = listener.getsockname()
    app = create_app(
        place.root, store=store, token=token, hosts=[host, *allow_host], artifacts=artifacts, trace_url=trace_url
    )
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    note(f"http://{shown}:{address[1]}/{f'?token={token}' if is_made else ''}  (Ctrl-C ends it)")
    _run(app, app.state.feed, listener)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)  # who reads the address and asks at once waits until the server is up
    except OSError as error:
        raise ConfigError(f"--host {host} --port {port}: {error.strerror or error}; another port: --port 0") from None
    return listener


def _run(app: FastAPI, feed: Feed, listener: socket.socket) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            feed.end()  # or streams would be waited for, and then cut
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=1 << 16,
    )
    with suppress(KeyboardInterrupt):
        Server(config).run([listener])
