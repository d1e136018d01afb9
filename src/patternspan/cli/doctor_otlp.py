"""Whether an OTLP endpoint takes traces: an empty request is really sent, in the protocol that is configured."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from patternspan.cli.finding import Finding
from patternspan.export.target import GRPC, HTTP, PATH, PORTS, Target, setting
from patternspan.export.target import target as environment_target

if TYPE_CHECKING:
    import ssl

_SECONDS: Final = 3.0
"""How long an answer is waited for."""
_SKEW: Final = 5.0
"""Seconds between two clocks that a person begins to see in a trace."""


class Answer(NamedTuple):
    """What came back."""

    is_taken: bool
    fact: str
    next_step: str = ""
    time: float | None = None
    """The other side's clock, seconds since the Unix epoch, where it told."""


def endpoint() -> Iterator[Finding]:
    """Yield what is found of the endpoint: protocol, address, answer, clock."""
    import time

    target = environment_target()
    if target.protocol not in PORTS:
        fact = f"{setting('PROTOCOL')[0]}={target.protocol}: no such protocol"
        yield Finding("fail", "otlp", fact, f"{GRPC} or {HTTP}")
        return
    try:
        parts = urlsplit(target.url if "://" in target.url else f"//{target.url}")
        port = parts.port
        if not parts.hostname:
            raise ValueError("no host in it")
    except ValueError as error:
        yield Finding("fail", "otlp", f"{target.shown}: {error}", "such as http://localhost:4317")
        return
    closed = _connect(parts.hostname, port or (443 if parts.scheme == "https" else PORTS[target.protocol]))
    if closed:
        yield Finding("fail", "otlp", f"{target.shown}: {closed}", "start the collector, or unset the variable")
        return
    answer = _ask(target)
    if answer.is_taken:
        yield Finding("ok", "otlp", f"{target.shown} takes traces by {target.protocol}")
    else:
        yield Finding("fail", "otlp", f"{target.shown}: {answer.fact}", _next_step(target, answer))
    if answer.time is not None and abs(skew := answer.time - time.time()) > _SKEW:
        fact = f"the collector's clock is {skew:+,.0f} seconds off this one: traces stand at times nobody looks at"
        yield Finding("warn", "clock", fact, "set both by the same time server")


def _connect(host: str, port: int) -> str:
    """Return why no connection can be made, or nothing."""
    import socket

    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError as error:
        return (error.strerror or str(error) or "no answer").lower()
    return ""


def _ask(target: Target) -> Answer:
    return _by_grpc(target, _SECONDS) if target.protocol == GRPC else _by_http(target, _SECONDS)


def _next_step(target: Target, answer: Answer) -> str:
    """Return what to do: where the other protocol is answered at the same address, to use that."""
    other = HTTP if target.protocol == GRPC else GRPC
    base = target.url.removesuffix(PATH)
    url = base + PATH if other == HTTP else base
    if "://" in url and not answer.next_step:
        found = _ask(target._replace(protocol=other, url=url))
        if found.is_taken:
            return f"it speaks {other}: OTEL_EXPORTER_OTLP_PROTOCOL={other}"
    return answer.next_step or "see the collector's own log"


def _by_http(target: Target, seconds: float) -> Answer:
    import http.client
    import urllib.error
    import urllib.request

    url = target.url
    if urlsplit(url).scheme not in {"http", "https"}:
        return Answer(is_taken=False, fact="no scheme in it", next_step=f"http://{url}")
    headers = {"Content-Type": "application/x-protobuf", **target.headers}
    request = urllib.request.Request(url, b"", headers, method="POST")  # noqa: S310 - http or https, see above
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_context()),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    try:
        with opener.open(request, timeout=seconds) as answer:
            body, kind = answer.read(1 << 16), answer.headers.get("Content-Type", "")
            clock = _clock(answer.headers.get("Date"))
    except urllib.error.HTTPError as error:
        return _refusal(error.code, url)._replace(time=_clock(error.headers.get("Date")))
    except TimeoutError:
        return _silent(seconds)
    except (OSError, http.client.HTTPException) as error:
        return Answer(is_taken=False, fact=f"no answer in HTTP: {_reason(error)}")
    if "protobuf" not in kind and body:
        return Answer(is_taken=False, fact=f"answers {kind or 'something'}, not OTLP", next_step="the collector's port")
    return Answer(is_taken=True, fact="", time=clock)


def _context() -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context(cafile=setting("CERTIFICATE")[1] or None)


def _refusal(code: int, url: str) -> Answer:
    steps = {
        401: "credentials are wanted: OTEL_EXPORTER_OTLP_HEADERS",
        403: "these credentials may not send: OTEL_EXPORTER_OTLP_HEADERS",
        404: f"OTLP stands at …{PATH}: write the whole path into OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        if not urlsplit(url).path.endswith(PATH)
        else "nothing takes OTLP there: is it the collector's port?",
        415: f"it takes no {HTTP}",
    }
    if 300 <= code < 400:
        return Answer(
            is_taken=False,
            fact=f"answers {code}, a redirect, which no exporter follows",
            next_step="the address it leads to",
        )
    return Answer(is_taken=False, fact=f"answers {code}", next_step=steps.get(code, ""))


def _by_grpc(target: Target, seconds: float) -> Answer:
    import grpc
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

    parts = urlsplit(target.url)
    is_plain = parts.scheme == "http"
    insecure = setting("INSECURE")[1].lower()
    if parts.scheme != "https" and insecure:
        is_plain = insecure == "true"
    where = parts.netloc or target.url
    channel = grpc.insecure_channel(where) if is_plain else grpc.secure_channel(where, _credentials())
    metadata = tuple((name.lower(), value) for name, value in target.headers.items())
    try:
        TraceServiceStub(channel).Export(ExportTraceServiceRequest(), timeout=seconds, metadata=metadata)
    except grpc.RpcError as error:
        return _grpc_refusal(error, seconds, is_plain=is_plain, scheme=parts.scheme)
    finally:
        channel.close()
    return Answer(is_taken=True, fact="")


def _credentials() -> object:
    import grpc

    path = setting("CERTIFICATE")[1]
    if not path:
        return grpc.ssl_channel_credentials()
    with open(path, "rb") as file:
        return grpc.ssl_channel_credentials(file.read())


def _grpc_refusal(error: object, seconds: float, *, is_plain: bool, scheme: str) -> Answer:
    code = error.code().name  # type: ignore[attr-defined]
    if code == "DEADLINE_EXCEEDED":
        return _silent(seconds)
    if code == "UNAVAILABLE" and not is_plain and scheme not in {"http", "https"}:
        return Answer(
            is_taken=False,
            fact="no TLS there, which an address without a scheme asks for",
            next_step="http:// before it",
        )
    steps = {
        "UNAUTHENTICATED": "credentials are wanted: OTEL_EXPORTER_OTLP_HEADERS",
        "PERMISSION_DENIED": "these credentials may not send: OTEL_EXPORTER_OTLP_HEADERS",
    }
    detail = " ".join(str(error.details() or "").split())[:160]  # type: ignore[attr-defined]
    return Answer(is_taken=False, fact=f"answers {code}: {detail}", next_step=steps.get(code, ""))


def _silent(seconds: float) -> Answer:
    return Answer(is_taken=False, fact=f"takes connections and does not answer within {seconds:g} s")


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None)
    if isinstance(inner, TimeoutError):
        return f"nothing within {_SECONDS:g} s"
    text = getattr(inner, "strerror", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:160]


def _clock(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (TypeError, ValueError):
        return None
