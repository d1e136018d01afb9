"""Where a value begins and ends, by quotes, pairs, settings and lines."""

from __future__ import annotations

import re
from typing import Final

MOST_VALUE: Final = 4096
QUOTE: Final = r"(?:\\{0,7}[\"'`]|&quot;|&\#34;|&\#39;|&apos;|%22|%27)"
OPEN: Final = re.compile(
    rf"(?:!!?[a-z]{{2,8}}[ \t])?(?:(?:SecretStr|Secret|SecureString|Password|Token|String|str|bytes)\()?[brfuBRFU@$]{{0,2}}(?P<quote>\"\"\"|'''|{QUOTE})"
)
_BARE: Final = re.compile(r"(?:[^\s\"'`<>\\&;,%\x1b]|\\(?![nrt\"'`\\]|u00)|[&;,%](?![\s\"']|$))*")
_CHANCE: Final = re.compile(r"[A-Za-z0-9+/_.~%@:-]{0,4096}={0,3}")
_END_PAIR: Final = re.compile(
    r"[&;,](?:amp;)?[ \t]*[\w.\[\]-]{1,60}[ \t]*[=:]|\\+[nrt](?=[\s\"'\\]|$|[\w.-]{1,60}[ \t]*[=:])"
)
_SETTINGS: Final = tuple(
    f"{name}="
    for name in "server;data source;host;hostname;user id;uid;user;username;database;initial catalog;driver;dsn;endpoint;accountname"
    ";sharedaccesskeyname;port;encrypt;addr;defaultendpointsprotocol;persist security info".split(";")
)
_SETTING_AFTER: Final = re.compile(
    r"(?i)[^;\n\"'=]{1,80};\s?(?:server|data source|host|hostname|user id|uid|database|initial catalog|driver|port|encrypt|trustservercertificate|pooling|connection timeout|endpointsuffix|entitypath|persist security info|multipleactiveresultsets|integrated security|timeout|ssl ?mode)\s?="
)


def quoted(text: str, opened: re.Match[str]) -> tuple[int, int]:
    """Return where a quoted value begins and ends; where the quote is never closed, the line's end ends it."""
    quote = opened["quote"]
    begin = opened.end()
    limit = min(len(text), begin + MOST_VALUE)
    at = begin
    while (close := text.find(quote, at, limit)) >= 0:
        slashes = close
        while slashes > begin and text[slashes - 1] == "\\":
            slashes -= 1
        # An escaped quote belongs to the value: it has more backslashes before it than the quote that opened.
        if (close - slashes) % 2 == 0 or quote[0] == "\\":
            return begin, close
        at = close + 1
    line = text.find("\n", begin, limit)
    return begin, limit if line < 0 else line


def bare_value(text: str, start: int, *, in_query: bool, how: str, weak: bool = False) -> tuple[int, int]:
    """Return where a value without quotes begins and ends."""
    if in_query:
        match = re.compile(r"[^\s&#\"'<>`\\]{0,4096}").match(text, start)
        end = match.end() if match is not None else start
        while end > start and text[end - 1] in ",;.)]}":
            end -= 1
        return start, end
    if weak and how != "tag":
        # A value that only looks made by chance has no sign of pairs in it.
        match = _CHANCE.match(text, start)
        return start, match.end() if match is not None else start
    if how == "tag":
        close = text.find("<", start, start + MOST_VALUE)
        end = close if close >= 0 else min(len(text), start + MOST_VALUE)
        close = text.find("]]>", start, end)
        value = text[start : close if close >= 0 else end].rstrip()
        return start, start + len(value)
    at = start
    limit = min(len(text), start + MOST_VALUE)
    if how == "equal" and _in_settings(text, start):
        ended = re.compile(r"[^;\"'\n]{1,256}").match(text, start)
        return (start, len(text[: ended.end()].rstrip())) if ended is not None else (start, start)
    while at < limit:
        match = _BARE.match(text, at, limit)
        stop = match.end() if match is not None else at
        # `a=1&password=x&b=2`, `password=x,host=y`, `Password=x;`: a sign that begins the next pair ends the value.
        pair = _END_PAIR.search(text, at, stop)
        if pair is not None:
            return start, pair.start()
        if (
            stop < limit
            and text[stop] in "\"'`"
            and stop > start
            and text[stop + 1 : stop + 2].isalnum()
            and text[stop - 1] not in "=:,([{"
        ):
            at = stop + 1
            continue
        if (
            stop < limit
            and text[stop] == "\\"
            and text[stop + 1 : stop + 2] not in {"n", "r", "t", '"', "'", "`", "\\", ""}
        ):
            at = stop + 1
            continue
        at = stop
        break
    encoded = text.find("%26", start, at)
    if how == "equal" and encoded > 0 and text[start - 3 : start] == "%3D":
        at = encoded
    while at > start and text[at - 1] in ",;":
        at -= 1
    closing = {")": "(", "]": "[", "}": "{"}
    while (
        at > start
        and text[at - 1] in closing
        and text.count(closing[text[at - 1]], start, at) < text.count(text[at - 1], start, at)
    ):
        at -= 1
    return start, at


def _in_settings(text: str, start: int) -> bool:
    """Say whether a value stands in a connection string of `Name=value;` pairs, whose values may hold spaces."""
    line = max(text.rfind("\n", max(0, start - 400), start) + 1, start - 400, 0)
    window = text[line:start].lower()
    if ";" in window and any(name in window for name in _SETTINGS):
        return True
    return _SETTING_AFTER.match(text, start) is not None


def line_end(text: str, begin: int, value_end: int) -> int:
    """Return where a value of several words ends: `passphrase: correct horse battery` as the whole of a line."""
    line = text.find("\n", value_end, value_end + 200)
    rest = text[value_end : line if line >= 0 else min(len(text), value_end + 200)]
    first = text.rfind("\n", max(0, begin - 100), begin) + 1
    if not re.fullmatch(r"(?: [A-Za-z0-9'!?-]+){1,11}", rest.rstrip()) or text[first:begin].strip(" -\t\"'"):
        return value_end
    return value_end + len(rest.rstrip())
