"""Events as they come: Server-Sent Events, and the same over a WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Query, WebSocket, WebSocketDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse

from patternspan.api import documents
from patternspan.api.asking import BAD
from patternspan.api.feed import Feed, Told

_MOST_STREAMS: Final = 1000


def add_streams(router: APIRouter, feed: Feed) -> None:
    """Add these routes."""

    async def begin(event_id: str | None) -> tuple[int, bool]:
        """Return the number to begin behind, and whether the event that was named is there."""
        await feed.fresh()
        if not event_id:
            return feed.seq, True
        found = await feed.place_of(event_id)
        return (feed.seq, False) if found is None else (found, True)

    shown = f"id: {documents.EVENT_EXAMPLE['event_id']}\nevent: pattern_event\ndata: {{…}}\n\n"
    described: dict[int | str, dict[str, Any]] = {
        200: {
            "content": {"text/event-stream": {"example": shown}},
            "description": "Each event with its id; after a reconnect those behind `Last-Event-ID`.",
        },
        422: BAD[422],
        503: BAD[503],
    }

    @router.get(
        "/api/stream", tags=["live"], response_class=StreamingResponse, responses=described,
        summary="Events as they come, as Server-Sent Events",
    )  # fmt: skip
    async def stream(
        job_id: Annotated[str | None, Query(max_length=400)] = None,
        after: Annotated[str | None, Query(max_length=400, description="An event id to begin behind.")] = None,
        last_event_id: Annotated[str | None, Header(max_length=400)] = None,
    ) -> Response:
        if feed.listeners >= _MOST_STREAMS:
            return JSONResponse({"error": f"{_MOST_STREAMS} streams are open already"}, 503)
        seq, is_known = await begin(last_event_id or after)

        async def lines() -> AsyncIterator[bytes]:
            # An event that is not there any more: the store was made anew, say. Who hears this asks for all again.
            yield b": hello\n\n" if is_known else b"event: reset\ndata: {}\n\n"
            async for item in feed.stream(seq, job_id):
                yield b": silence\n\n" if item is None else _as_sse(item)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)

    @router.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            asked = _subscription(await websocket.receive_text())
            if isinstance(asked, str):
                await websocket.send_json({"error": asked})
                await websocket.close(1003)
                return
            job_id, after = asked
            seq, is_known = await begin(after)
            await websocket.send_json({"subscribed": {"job_id": job_id}, "reset": not is_known})
            async for item in feed.stream(seq, job_id):
                if item is None:
                    await websocket.send_json({"silence": True})
                else:
                    await websocket.send_text(f'{{"pattern_event":{item.line.decode()}}}')
            await websocket.close(1001)
        except (WebSocketDisconnect, RuntimeError, OSError):
            return  # it has gone


def _as_sse(item: Told) -> bytes:
    # An id with a line break or a NUL in it would be two fields, or none.
    sound = item.event_id.isprintable()
    name = b"id: " + item.event_id.encode() + b"\n" if sound else b""
    return name + b"event: pattern_event\ndata: " + item.line + b"\n\n"


def _subscription(text: str) -> tuple[str | None, str | None] | str:
    """Return job and event of `{"subscribe": {"job_id": …, "after": …}}`, or what is wrong with it."""
    wanted = 'a message {"subscribe": {"job_id": "JOB-…"}} is wanted; without a job all events are sent'
    try:
        message = msgspec.json.decode(text, type=_Message)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return wanted
    return message.subscribe.job_id, message.subscribe.after


class _Subscribe(msgspec.Struct):
    job_id: str | None = None
    after: str | None = None


class _Message(msgspec.Struct):
    subscribe: _Subscribe
