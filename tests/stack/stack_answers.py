"""What Jaeger and Prometheus answer."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stack_run import Stack

WAIT_SECONDS = 40.0


def fetched(url: str, **query: str) -> Any:
    """Return what a JSON API answers."""
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}" if query else url, timeout=10) as answer:
        return json.load(answer)


def eventually(ask: Callable[[], Any]) -> Any:
    """Return the first true answer; the last one where none comes in time."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            answer = ask()
        except OSError:
            answer = None
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.1)


def trace(stack: Stack, trace_id: str) -> list[dict[str, Any]]:
    """Return the spans of a trace, as Jaeger has them."""
    found = fetched(f"{stack.jaeger}/api/traces/{trace_id}")["data"]
    return found[0]["spans"] if found else []


def tags(span: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span in Jaeger's answer."""
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def spans_sent(stack: Stack, traces: set[str], count: int) -> list[dict[str, Any]]:
    """Return the spans of these traces once Jaeger has so many of them."""

    def ask() -> list[dict[str, Any]]:
        try:
            found = [span for trace_id in traces for span in trace(stack, trace_id)]
        except urllib.error.HTTPError:
            return []
        return found if len(found) >= count else []

    return eventually(ask) or []
