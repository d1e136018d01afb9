"""Secrets in fixed phrases: SQL, PowerShell, a password piped into a tool, .pgpass, "login: a / b"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_judge import judge
from patternspan.record.secret_names import named
from patternspan.record.secret_shapes import Span
from patternspan.record.secret_values import is_code, is_mixed, is_prose_word, is_reference

_LOGIN: Final = re.compile(
    r"(?i)\b(?:login|log_in|authenticate|basic_?auth|signin|sign_in)\(\s{0,4}[\"'][^\"'\n]{1,128}[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{1,128})[\"']"
)
_INSERT: Final = re.compile(r"(?i)\binsert\s+into\s+\S{1,80}\s*\(([^()]{1,600})\)\s*values\s*\(")
_SQL_VALUE: Final = re.compile(r"\s*(?:'((?:[^'\n]|''){0,512})'|([^,()'\n]{0,80}))\s*([,)])")
_PGPASS: Final = re.compile(
    r"(?m)^(?:[\w.*-]{1,120}|\[[0-9a-f:]+\]):(?:\d{4,5}|\*):(?:[A-Za-z_][\w-]{0,62}|\*):(?:[A-Za-z_][\w.-]{0,62}|\*):([^\s:]{1,200})[ \t]*$"
)
_SHADOW: Final = re.compile(
    r"(?i)\b(?:credentials?|creds?|login|logon|user(?:name)?[/ ]pass(?:word)?)(?:[ \t]+(?:are|is|with|as|for \S{1,40}))?[ \t]*[:=]?[ \t]+\"?([\w.@-]{2,64})[ \t]*(?:/|:|[ \t]/[ \t])[ \t]*([^\s\"'/:,]{3,128})"
)
_ECHO: Final = re.compile(
    r"\b(?:echo\s+(?:-n\s+)?|printf\s+(?:[\"']?%s(?:\\n)?[\"']?\s+)?)"
    r"(?:\"([^\"\n]{1,256})\"|'([^'\n]{1,256})'|([^\s\"'|]{1,256}))\s*\|\s*(?:sudo\s+(?:-\w+\s+)*)?(\S{1,40}[^\n|]{0,160})"
)
_HERE: Final = re.compile(
    r"(?i)(?:passw|passphrase|token|secret|api_?key|_stdin|-stdin|login|auth|kinit|cryptsetup|sudo -S)[^\n|<]{0,120}<<<[ \t]*(?:\"([^\"\n]{1,256})\"|'([^'\n]{1,256})'|([^\s\"']{1,256}))"
)
_COMMUNITY: Final = re.compile(
    r"(?i)\bsnmp[\w -]{0,40}\bcommunity(?:[ \t]+string)?(?:[ \t]+is)?[ \t]*[:=]?[ \t]+([^\s\"']{3,64})"
)
_HTTP_BASIC: Final = re.compile(r"\bhttp-basic\.\S{1,120}[ \t]+[^\s=]{1,64}[ \t]+([^\s\"']{3,128})")
_BUNDLE: Final = re.compile(r"\bbundle config (?:set )?(?:--\w+ )?[\w.-]{1,120} [\w.@-]{1,64}:([^\s\"']{3,128})")
_BESIDE_USER: Final = re.compile(r" -p[ \t]+([\"']?)([^\s\"'|;]{4,128})\1(?=$|[\s|;])")
_USER: Final = re.compile(r"(?:^|\s)(?:-u|-U|--user|--username|users?|login)(?=[ =\n]|$)")
_VERB: Final = re.compile(
    r"(?<=\s)[a-z]{2,12}(?:-[a-z]{2,12}){0,3}-passw(?:or)?d[ \t]+([\"']?)([^\s\"'|;]{4,128})\1(?=$|[\s|;])"
)
_INITIAL: Final = re.compile(
    r"(?i)\b(?:initial|generated|temporary|default|new|root|admin|one-time)\b[\w ]{0,40}\bpassword\b[\w \t:.]{0,40}\r?\n[ \t]*\r?\n?[ \t]*([^\s]{6,128})[ \t]*(?:\r?\n|$)"
)
_IDENTIFIED: Final = re.compile(
    r"(?i)\bidentified\s+(?:with\s+\S{1,40}\s+)?by\s+(?:password\s+)?(?:'([^'\n]{1,256})'|\"([^\"\n]{1,256})\"|([^\s;'\"]{1,128}))"
)
_SQL_USER: Final = re.compile(r"(?i)\b(?:user|role|grant|alter|create)\b")
_SECURE_STRING: Final = re.compile(
    r"(?i)convertto-securestring\s+(?:-string\s+)?(?:\"([^\"\n]{1,256})\"|'([^'\n]{1,256})'|([^\s\"'$-][^\s\"']{0,256}))"
)


def _groups(match: re.Match[str], *numbers: int) -> Span | None:
    for number in numbers:
        if match[number] is not None:
            return match.start(number), match.end(number), "password"
    return None


def phrase_spans(text: str) -> Iterator[Span]:
    """Find what stands in fixed phrases: SQL, PowerShell, a password piped into a tool, .pgpass, "login: a / b"."""
    lowered = text.lower()
    if "identified" in lowered:
        yield from _phrases(text, _IDENTIFIED, 1, 2, 3)
    if "securestring" in lowered:
        yield from _phrases(text, _SECURE_STRING, 1, 2, 3)
    if "<<<" in text:
        yield from _phrases(text, _HERE, 1, 2, 3)
    if "http-basic." in text:
        yield from _phrases(text, _HTTP_BASIC, 1)
    if "bundle config" in text:
        yield from _phrases(text, _BUNDLE, 1)
    if "password" in lowered and "\n" in text:
        for match in _INITIAL.finditer(text):
            if is_mixed(match[1]) and not is_reference(match[1]):
                yield match.start(1), match.end(1), "password"
    if " -p" in text:
        for match in _BESIDE_USER.finditer(text):
            begin = max(text.rfind("\n", max(0, match.start() - 160), match.start()), match.start() - 160, 0)
            near = text[begin : match.start()] + "\n" + text[match.end() : match.end() + 160].partition("\n")[0]
            if _USER.search(near) and is_given(match[2]):
                yield match.start(2), match.end(2), "password"
    if "-passw" in text:
        for match in _VERB.finditer(text):
            if is_given(match[2]):
                yield match.start(2), match.end(2), "password"
    if "community" in lowered:
        for match in _COMMUNITY.finditer(text):
            if match[1].lower() not in {"public", "private", "strings"} and not is_reference(match[1]):
                yield match.start(1), match.end(1), "password"
    if "|" in text and ("echo" in text or "printf" in text):
        for match in _ECHO.finditer(text):
            yield from _piped(match)
    if text.count(":") >= 4:
        for match in _PGPASS.finditer(text):
            if (
                not is_reference(match[1])
                and "."
                not in match[0].partition(":")[0][-5:-1].replace(".com", "").replace(".net", "").replace(".org", "")
            ) or (not is_reference(match[1]) and is_mixed(match[1])):
                yield match.start(1), match.end(1), "password"
    if "login(" in lowered or "auth" in lowered or "sign" in lowered:
        for match in _LOGIN.finditer(text):
            if is_mixed(match[1]) and not is_reference(match[1]):
                yield match.start(1), match.end(1), "password"
    if "insert" in lowered:
        for match in _INSERT.finditer(text):
            yield from _inserted(text, match)
    if "cred" in lowered or "login" in lowered or "logon" in lowered or "pass" in lowered:
        for match in _SHADOW.finditer(text):
            value = match[2].rstrip(".,;)")
            if is_mixed(value) and not is_reference(value) and not text.startswith("//", match.end(1) + 1):
                yield match.start(2), match.start(2) + len(value), "password"


def is_given(value: str) -> bool:
    """Say whether a word of a command line may be a password though nothing but its place says so."""
    return is_mixed(value) and not is_code(value) and not is_reference(value) and value[:1] not in "-/."


def _inserted(text: str, match: re.Match[str]) -> Iterator[Span]:
    """Find the values that SQL puts into columns with a secret's name."""
    at = match.end()
    for column in match[1].split(","):
        value = _SQL_VALUE.match(text, at)
        if value is None:
            return
        meant = named(column.strip(' `"[]\n\t'))
        if meant.strength > 1 and value[1] is not None and judge(value[1], meant):
            yield value.start(1), value.end(1), meant.kind
        if value[3] == ")":
            return
        at = value.end()


def _phrases(text: str, phrase: re.Pattern[str], *numbers: int) -> Iterator[Span]:
    for match in phrase.finditer(text):
        span = _groups(match, *numbers)
        if span is not None and not is_reference(text[span[0] : span[1]]):
            quoted = match[numbers[-1]] is None
            if phrase is _IDENTIFIED and _SQL_USER.search(text, max(0, span[0] - 200), span[0]) is None:
                continue
            if quoted or not is_prose_word(text[span[0] : span[1]]):
                yield span


def _piped(match: re.Match[str]) -> Iterator[Span]:
    tool = match[4]
    span = _groups(match, 1, 2, 3)
    if span is None:
        return
    value = match.string[span[0] : span[1]]
    if "chpasswd" in tool and ":" in value:
        yield span[0] + value.index(":") + 1, span[1], "password"
    elif (
        "-stdin" in tool
        or "--with-token" in tool
        or tool.startswith(("-S", "passwd", "cryptsetup", "su "))
        or "sudo -S" in match[0]
        or "-passphrase-fd" in tool
        or "-pass stdin" in tool
    ) and not is_reference(value):
        yield span
