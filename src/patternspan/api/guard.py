"""Who may ask: hosts, origins, a token; and what every answer tells the browser."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "patternspan_token"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere, and nothing that stands in a page is run."""
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_METHODS: Final = frozenset(("GET", "HEAD"))
_MOST_URL: Final = 8192


class Guard:
    """Stands before an application. A request for another host than those named is refused, whatever else it has.

    That, and the check of origins, is what keeps pages of other sites out: by a name of theirs that leads here, and by
    WebSockets, which browsers open to anywhere.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = LOOPBACK, token: str = "") -> None:
        self._app = app
        self._hosts = frozenset(host.casefold().strip("[]") for host in hosts)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await refusal(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = _name_of(headers.get("host", ""))
        if host not in self._hosts:
            return _error(421, f"this is no host of this server: {host!r}; start it with --allow-host to name it")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.casefold() != headers.get("host", "").casefold():
            return _error(403, "pages of other sites may not ask here")
        if scope["type"] == "http":
            if scope["method"] not in _METHODS:
                return _error(405, "this is read-only: GET and HEAD")
            if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _MOST_URL:
                return _error(414, f"the address is longer than {_MOST_URL} bytes")
            if headers.get("transfer-encoding") or (headers.get("content-length") or "0") != "0":
                return _error(413, "a question has no body")
        return self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        path = _path_within(scope)
        if not self._token or path == "/healthz":
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        named = dict(query).get("token")
        if named is not None and path == "/" and scope["type"] == "http" and self._is_token(named):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            base = scope.get("root_path", "") or ""
            answer = RedirectResponse(f"{base}/?{rest}" if rest else f"{base}/", 303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", path=base or "/")
            return answer
        kind, _, given = headers.get("authorization", "").partition(" ")
        if (kind.casefold() == "bearer" and self._is_token(given.strip())) or self._is_token(_cookie(headers)):
            return None
        refusal = _error(401, "a token is wanted: `Authorization: Bearer …`, or open /?token=… once in a browser")
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token.encode())


def _path_within(scope: Scope) -> str:
    path, base = str(scope["path"]), str(scope.get("root_path") or "")
    return path.removeprefix(base) or "/" if base and path.startswith(base) else path


def _name_of(host: str) -> str:
    """Return the name in a `Host` header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").casefold()
    except ValueError:
        return ""


def _cookie(headers: Headers) -> str:
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
