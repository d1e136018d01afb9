"""Secrets in the headers of requests and answers: credentials by scheme, cookies by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_bounds import MOST_VALUE
from patternspan.record.secret_judge import is_basic, judge
from patternspan.record.secret_names import Named
from patternspan.record.secret_shapes import Span
from patternspan.record.secret_values import is_code, is_mixed, is_prose_word, is_random, is_reference, is_word

_HEADER: Final = re.compile(
    r"(?i)(?P<scheme>bearer|basic|token|apikey|api-key|digest|negotiate|ntlm|key|ssws|splunk|genie-?key|oauth|hawk|sharedkey(?:lite)?|aws4-hmac-sha256"
    r"|googlelogin|bot|jwt|dpop|pat|deepl-auth-key|klaviyo-api-key|private-token)(?:(?:[ \t]|%20|\+|\\[ ]){1,4})(?P<rest>\S)"
)
_CREDENTIAL: Final = re.compile(r"[^\s\"'`<>,;\\\x1b)}\]]+")
_COOKIE: Final = re.compile(r"(?P<name>[\w!#$%&*+.^|~-]{1,80})=(?P<value>[^;\s\"'\\,]{1,4096})")
_COOKIE_ATTRIBUTE: Final = frozenset("path domain expires max-age samesite secure httponly priority version".split())
_SESSION_COOKIE: Final = re.compile(
    r"(?i)sess|sid$|sid\b|auth|token|jwt|csrf|xsrf|remember|login|secret|identity|ticket|passw"
)


def header_spans(value: str, meant: Named) -> list[Span]:
    """Return what is secret of the value of an `Authorization` or `Cookie` header, or of a member named so."""
    if meant.kind == "cookie":
        return list(cookie_spans(value, 0, set_cookie=False))
    return list(scheme_spans(value, 0, 0, sure=True))


def scheme_spans(text: str, start: int, at: int, *, sure: bool) -> Iterator[Span]:
    """Find the credentials behind `Bearer`, `Basic` and their like; `sure` where the header was named."""
    begin = start
    quote = re.compile(r"(?:[brf]?\\{0,7}[\"'`])?").match(text, start)
    if quote is not None and sure:
        begin = quote.end()
    header = _HEADER.match(text, begin)
    if header is None:
        if not sure or at != start:
            return
        value = _CREDENTIAL.match(text, begin)
        if value is None or not judge(value[0], Named("authorization", 2), bare=quote is None or quote.end() == start):
            return
        if is_mixed(value[0]) or is_random(value[0]) or is_basic(value[0]):
            yield value.start(), value.end(), "authorization"
        return
    scheme = header["scheme"].lower()
    where = header.start("rest")
    if scheme in {"digest", "hawk", "oauth", "aws4-hmac-sha256"}:
        end = text.find("\n", where, where + 2048)
        for part in re.compile(
            r"(?i)\b(?:response|mac|signature|oauth_signature|oauth_token|cnonce|nonce)=\"?([^\",\s]{6,512})"
        ).finditer(text, where, end if end >= 0 else min(len(text), where + 2048)):
            yield part.start(1), part.end(1), "authorization"
        if scheme != "oauth":
            return
    value = _CREDENTIAL.match(text, where)
    if value is None:
        return
    word = value[0].rstrip(".:")
    if is_reference(word) or (
        "=" in word.rstrip("=") and re.match(r"[A-Za-z][A-Za-z_]{1,30}=", word)  # the next pair: `expires_in=3600`
    ):
        return
    if sure:
        if is_prose_word(word) and is_word(word):
            return
        good = not is_word(word) or len(word) >= 8 or begin > start
    elif scheme == "basic":
        good = is_basic(word)
    else:
        good = scheme == "bearer" and (is_random(word) or (is_mixed(word) and len(word) >= 8 and not is_code(word)))
    if good:
        yield value.start(), value.start() + len(word), "authorization"


def cookie_spans(text: str, start: int, *, set_cookie: bool) -> Iterator[Span]:
    """Find the values of cookies that are secrets, from `start` to the end of the header."""
    limit = text.find("\n", start, start + MOST_VALUE)
    limit = limit if limit >= 0 else min(len(text), start + MOST_VALUE)
    opened = re.compile(r"\\{0,7}[\"'`]").match(text, start)
    if opened is not None:
        close = text.find(opened[0], opened.end(), limit)
        limit = close if close >= 0 else limit
    found = False
    for match in _COOKIE.finditer(text, start, limit):
        found = True
        name, value = match["name"], match["value"]
        if name.lower() in _COOKIE_ATTRIBUTE or is_reference(value):
            continue
        if (
            _SESSION_COOKIE.search(name)
            or (
                is_mixed(value)
                and len(value) >= 8
                and not is_code(value)
                and not name.startswith(("_ga", "_gid", "utm"))
            )
            or is_random(value)
        ):
            yield match.start("value"), match.end("value"), "cookie"
    if not found and opened is not None and not set_cookie:
        value = text[opened.end() : limit]
        if is_mixed(value) and " " not in value:
            yield opened.end(), limit, "cookie"
