"""Passwords in the addresses of servers: `scheme://user:password@host`, and the same without a scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_names import expression
from patternspan.record.secret_shapes import Span
from patternspan.record.secret_values import is_code, is_mixed, is_random, is_reference, is_uuid

_AUTHORITY: Final = r"[^\s/?#\"'<>`]{0,1024}"
_RUN: Final = r"[^\s\"'<>`]*"
_PORT: Final = r"(?:\d{1,5}(?:[^\w@].{0,8})?)?"
_LONGEST: Final = 256
# user:password@host:port where no scheme stands, as proxies and drivers take it; oracle's user/password@host.
_BARE: Final = (
    r"(?<![\w.@/:%+-])[A-Za-z][\w.-]{0,63}:([^\s:@/\"'<>,;(){}]{3,128})@"
    r"(?:tcp\(|unix\(|(?:localhost|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,6})(?::\d{2,5}(?![\w.])|/[\w-]{1,64}(?:$|[\s\"'?])|(?P<end>(?=$|[\s\"',;)]))))"
)
_ORACLE: Final = r"(?:jdbc:oracle:\w{2,8}:|\b(?:sqlplus|sqlldr|expdp|impdp|exp|imp|rman target)\s(?:-[a-zA-Z]\s){0,3})[\w$#.]{1,64}/(?:\"([^\"\n]{1,128})\"|([^@\s\"]{1,128}))@"
_SCHEMES: Final = re.compile(
    r"(?i)(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|mssql|sqlserver|cockroachdb|clickhouse)(?:\+\w{1,12})?$"
)
_BARE_TAIL: Final = 300


def url_spans(text: str) -> Iterator[Span]:
    """Find the passwords in the addresses of a text; user and host stay."""
    yield from _with_scheme(text)
    if "@" in text:
        yield from _without_scheme(text)


def _with_scheme(text: str) -> Iterator[Span]:
    run_end = 0
    at = text.find("://")
    while at >= 0:
        begin = at + 3
        if begin > run_end:
            run = expression(_RUN).match(text, begin)
            run_end = run.end() if run is not None else begin
        authority = expression(_AUTHORITY).match(text, begin)
        end = authority.end() if authority is not None else begin
        span = _userinfo(text, begin, end, run_end)
        if span is not None:
            yield span
        at = text.find("://", begin)
    # The same in encoded text.
    at = text.find("%3A%2F%2F")
    while at >= 0:
        begin = at + 9
        stop = min(len(text), begin + _LONGEST)
        match = expression(r"[\w.-]{0,64}%3A([\w.~*!-]{1,128}(?:%(?!40)[0-9A-F]{2}[\w.~*!-]{0,64}){0,8})%40").match(
            text, begin, stop
        )
        if match is not None and not is_reference(match[1]):
            yield match.start(1), match.end(1), "url_password"
        at = text.find("%3A%2F%2F", begin)


def _userinfo(text: str, begin: int, end: int, run_end: int) -> Span | None:
    if text[begin : begin + 1] == "[":
        return None
    at = text.rfind("@", begin, end)
    if at >= 0 and _SCHEMES.search(text[max(0, begin - 24) : begin - 3]) is not None:
        # No path of a database has an @ in it: the last one ends the password.
        query = text.find("?", at, run_end)
        at = max(at, text.rfind("@", at, min(begin + _LONGEST, run_end if query < 0 else query)))
    if at < 0:
        # A password with a slash or a question mark in it: what stands behind the colon is no port then.
        colon = text.find(":", begin, end)
        at = text.rfind("@", end, min(run_end, begin + _LONGEST)) if colon >= 0 else -1
        if at < 0 or colon == end - 1 or expression(_PORT).fullmatch(text, colon + 1, end) is not None:
            return None
        if (
            expression(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d+)?(?:[/?].*)?").fullmatch(
                text, at + 1, min(run_end, at + 300)
            )
            is None
        ):
            return None
    colon = text.find(":", begin, at)
    if colon >= 0:
        value = text[colon + 1 : at]
        if not value or is_reference(value):
            value = text[begin:colon]
            return (begin, colon, "url_token") if is_random(value) else None
        if value in {"x-oauth-basic", "x"}:
            return begin, colon, "url_token"
        return colon + 1, at, "url_password"
    value = text[begin:at]
    if "sentry" in text[at : at + 60]:
        return None  # such a key says where to send, and is public
    return (begin, at, "url_token") if is_random(value) or is_uuid(value) else None


def _without_scheme(text: str) -> Iterator[Span]:
    done = 0
    at = text.find("@")
    while at >= 0:
        start = max(done, at - 200)
        for match in expression(_BARE).finditer(text, start, min(len(text), at + _BARE_TAIL)):
            value = match[1]
            if match.end(1) > at:
                break
            if (
                match.end(1) == at
                and not value.isdigit()
                and not is_reference(value)
                and text[at + 1 : at + 7] != "sha256"
                and (match["end"] is None or (is_mixed(value) and not is_code(value)))
            ):
                yield match.start(1), match.end(1), "url_password"
        if "oracle" in text[start:at] or "sql" in text[start:at] or "p " in text[start:at] or "rman" in text[start:at]:
            oracle = expression(_ORACLE).search(text, start, at + 1)
            if oracle is not None and oracle.end() == at + 1:
                group = 1 if oracle[1] else 2
                if not is_reference(oracle[group]):
                    yield oracle.start(group), oracle.end(group), "url_password"
        done = at + 1
        at = text.find("@", done)
