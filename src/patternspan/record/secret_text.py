"""All secrets in a text, as spans: by form, in addresses, on command lines, and beside names.

Everything is found in the text as it came, then replaced once, so that no rule sees the marks of another.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_bounds import OPEN, QUOTE, bare_value, line_end, quoted
from patternspan.record.secret_headers import _HEADER, cookie_spans, scheme_spans
from patternspan.record.secret_judge import decoded, judge
from patternspan.record.secret_names import Named, compact, configured, expression, named
from patternspan.record.secret_phrases import phrase_spans
from patternspan.record.secret_prose import goes_on, prose_spans
from patternspan.record.secret_shapes import Span, literals, shape_spans
from patternspan.record.secret_tools import may_be_command, tool_spans
from patternspan.record.secret_urls import url_spans
from patternspan.record.secret_values import is_mixed, is_reference, is_word

_STEMS: Final = (
    "pass pwd pw secret token key cred auth cookie sess sig sid jwt otp pin pat dsn bearer basic kennwort senha hmac sas"
    " mnemonic community seed psk connection connstr contras code identified securestring cipher"
).split()


def _places(text: str) -> list[tuple[int, int]]:
    """Return where in a text stands what each name that means something has in it, in order.

    `str.find` for each is many times quicker than one expression for all.
    """
    lowered = text.lower()
    if len(lowered) != len(text):  # some capitals have small forms of two characters
        lowered = "".join(char.lower() if char.isascii() else char for char in text)
    places: list[tuple[int, int]] = []
    for stem in _STEMS if configured.defaults else ():
        at = lowered.find(stem)
        while at >= 0:
            places.append((at, at + len(stem)))
            at = lowered.find(stem, at + len(stem))
    for name in configured.names:
        places += [match.span() for match in expression("[_.-]?".join(name)).finditer(lowered)]
    places.sort()
    return places


_HINTS: Final = (
    *_STEMS,
    "sudo",
    "login",
    "logon",
    "stdin",
    "@",
    "://",
    "webhook",
    "hooks.",
    "hook.",
    "%3a",
    "<<<",
    "http-basic.",
    "bundle config",
    " -p ",
)
_WORD_TAIL: Final = re.compile(r"[\w.$-]*")
_SPACED: Final = re.compile(
    r"(?i)(?:api|access|secret|private|account|signing|encryption|master|shared|storage|license|recovery|wifi|wi-fi"
    r"|root|admin|user|db|database|client|app|bot|auth|bearer|refresh|session|personal access|one-time|host|webhook)$"
)
_MOST_NAME: Final = 96
_ANSI: Final = r"(?:\x1b\[[0-9;]{0,12}m){0,3}"
# After a name: what closes it, then what joins it to its value.
_JOIN: Final = re.compile(
    rf"""(?xi)
    {_ANSI}
    (?P<close>{QUOTE}|\*\*|__)?
    (?:\]|\)|%5D|\\?\]){{0,2}}
    {_ANSI}
    (?:
      (?P<option>[ \t]{{1,4}}--?(?:value|body)[ \t=]{{1,4}})
    | (?P<typed>[ \t]{{0,4}}:[ \t]{{0,4}}[A-Za-z_&][\w&:<>\[\],|?*.]{{0,40}}?[ \t]{{0,4}}=[ \t]{{0,4}}(?=[brf]?{QUOTE}))
    | (?P<block>[ \t]{{0,4}}\{{[^{{}}]{{0,200}}?\bdefault[ \t]{{0,8}}=[ \t]{{0,8}}(?={QUOTE}))
    | (?P<pair>[ \t]{{0,4}}(?:,|;|\\?n|\r?\n[ \t]{{0,40}}-?)?[ \t]{{0,40}}{QUOTE}?(?:value|val|content|default|defaultvalue){QUOTE}?[ \t]{{0,4}}[:=][ \t]{{0,4}})
    | (?P<form>\r?\n(?:[\w-]{{1,40}}:[^\n]{{0,100}}\r?\n){{0,2}}\r?\n)
    | (?P<plist></(?:key|name)>\s{{0,24}}<(?:string|value)>)
    | (?P<arrow>[ \t]{{0,8}}(?:=>|:=|->)[ \t]{{0,8}})
    | (?P<equal>[ \t]{{0,24}}(?:\?=|\+=|={{1,3}}|%3D|&\#61;)[ \t]{{0,8}})
    | (?P<colon>[ \t]{{0,24}}(?::|%3A)(?!//)(?:[ \t]{{0,4}}[|>][+-]?[ \t]{{0,4}}\r?\n[ \t]{{1,24}}|[ \t]{{0,4}}\r?\n[ \t]{{0,24}}(?=[\"'](?![\"']))|[ \t]{{0,24}}))
    | (?P<tag>(?:[ \t][^<>\n]{{0,120}})?>[ \t]{{0,8}}(?:\r?\n[ \t]{{0,24}})?(?:<!\[CDATA\[|<string>[ \t]*|<value>[ \t]*)?)
    | (?P<comma>[ \t]{{0,4}},[ \t]{{0,4}})
    | (?P<call>\([ \t]{{0,4}}(?={QUOTE}))
    | (?P<space>{_ANSI}[ \t]{{1,16}}(?:\\\r?\n[ \t]{{1,16}})?)
    )
    {_ANSI}
    """
)
_SECOND: Final = re.compile(
    r"[\"'][^\"'\n]{0,128}[\"']\s{0,4},\s{0,4}(?P<quote>[\"'])(?P<value>[^\"'\n]{1,256})(?P=quote)"
)
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]{0,12}m")
_MARK: Final = re.compile(r"\[redacted:[^\]\s]{0,80}\]")
_ENCODED: Final = re.compile(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{20,4096}={0,2}(?![A-Za-z0-9+/=_-])")
_LISTS: Final = frozenset(
    "define putenv setenv set config put header setheader addheader add append env setx export setproperty setattribute"
    " set_header add_header setrequestheader setitem set_password insert withenv environment".split()
)
_READERS: Final = re.compile(
    r"(?i)^\.?(?:get|read|fetch|find|load|prompt|check|has|is|require|delete|remove|lookup|by|test|describe|it|input|label|ask|verify|validate|assert\w*|log|print|error|hash|encrypt|decode|encode|raise|throw)"
)


def may_hold_secret(text: str) -> bool:
    """Say whether a text has anything that any rule below begins with: the quick way out."""
    lowered = text.lower()
    # Loops, because this is asked of each new text, and a generator costs twice as much.
    for hint in _HINTS:
        if hint in lowered:
            return True
    if (configured.names and any(name in compact(text) for name in configured.names)) or may_be_command(text):
        return True
    if text.count(":") >= 4:
        return True
    if len(text) < 16 or expression(_RUN).search(text) is None:
        return False  # nothing is known by its form that has no such run of characters
    for literal in literals():
        if literal in text:
            return True
    return expression(_LONG).search(text) is not None


_RUN: Final = r"[A-Za-z0-9_+=.~$%:-]{15}"
_LONG: Final = r"[A-Za-z0-9+/]{20}|[MNO][A-Za-z0-9_-]{22}"


def secret_spans(text: str, *, decode: bool = True) -> list[Span]:
    """Return where the secrets of a text are, in order and apart."""
    if not configured.defaults:
        return apart(text, list(_named_spans(text)))
    found = [*shape_spans(text), *url_spans(text), *_named_spans(text), *phrase_spans(text)]
    if may_be_command(text):
        found += tool_spans(text)
    if decode:
        found += _encoded_spans(text)
    return apart(text, found)


def apart(text: str, found: list[Span]) -> list[Span]:
    """Join spans that overlap; the kind of the first is kept."""
    joined: list[Span] = []
    marks = [mark.span() for mark in _MARK.finditer(text)] if "[redacted:" in text else []
    for start, end, kind in sorted(found, key=lambda span: (span[0], -span[1])):
        mark = bisect_right(marks, (start, len(text))) - 1
        # What was withheld once is not withheld again.
        begin = max(start, marks[mark][1]) if mark >= 0 else start
        if begin >= end:
            continue
        if joined and begin < joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end, joined[-1][2])
            continue
        joined.append((begin, end, kind))
    return joined


def _encoded_spans(text: str) -> Iterator[Span]:
    """Find base64 that holds a secret in plain text: all of it goes."""
    for match in _ENCODED.finditer(text):
        plain = decoded(match[0])
        if plain and (secret_spans(plain, decode=False)):
            yield match.start(), match.end(), "encoded"


def _named_spans(text: str) -> Iterator[Span]:
    at = 0
    for place, after in _places(text):
        if place < at:
            continue
        begin, low = place, max(at, place - _MOST_NAME)
        while begin > low and (text[begin - 1].isalnum() or text[begin - 1] in "_.-$"):
            begin -= 1
        tail = _WORD_TAIL.match(text, after)
        end = tail.end() if tail is not None else after
        at = end
        name = text[begin:end]
        if end - begin > 4 * _MOST_NAME:
            continue
        while name and name[-1] in ".-$":
            name, end = name[:-1], end - 1
        while name and name[0] in ".$":
            name, begin = name[1:], begin + 1
        if text[begin - 1 : begin] == "%" and name[:2] in {"3D", "26", "20", "22", "3F", "0A", "5B", "2C", "7B"}:
            name, begin = name[2:], begin + 2
        if "\x1b[" in text[max(0, begin - 14) : begin]:
            colour = _COLOUR.search(text, max(0, begin - 14), end)
            if colour is not None and colour.end() > begin:
                begin, name = colour.end(), text[colour.end() : end]
        if begin >= 1 and text[begin - 1] == "\\" and name[:1] in "nrt":
            name, begin = name[1:], begin + 1
        span_end = at
        for span in _beside_name(text, begin, end, name):
            yield span
            span_end = max(span_end, span[1])
        at = span_end


def _beside_name(text: str, begin: int, end: int, name: str) -> Iterator[Span]:
    lowered = name.lower().lstrip("-")
    if lowered in {"bearer", "basic"} or lowered.endswith(("-bearer", "=bearer")):
        yield from scheme_spans(text, begin, end, sure=False)
        return
    flag = name.startswith("-")
    meant = named(name.lstrip("-"))
    before = text[max(0, begin - 24) : begin]
    if lowered in {"key", "token", "password", "code", "phrase", "passphrase", "string", "keys"} and before.endswith(
        " "
    ):
        spaced = _SPACED.search(before[:-1])
        if spaced is not None:
            meant = named(spaced[0].replace("-", " ") + " " + lowered)
            if meant.strength == 0 and lowered == "code":
                meant = Named("code", 1)
    if lowered == "connection" and text.startswith(" string", end):
        end += 7
        meant = Named("connection", 1)
    if lowered == "passe" and before.lower().endswith("mot de "):
        meant = Named("password", 3)
    if flag and lowered == "pat":
        meant = Named("token", 2)
    if meant.strength == 0:
        return
    if flag and name.startswith("--no-"):
        return
    join = _JOIN.match(text, end)
    if join is None:
        return
    yield from _valued(text, begin, name, meant, join, flag=flag)


def _valued(text: str, begin: int, name: str, meant: Named, join: re.Match[str], *, flag: bool) -> Iterator[Span]:
    how = join.lastgroup if join.lastgroup != "close" else None
    how = next(
        (
            group
            for group in (
                "option",
                "typed",
                "block",
                "plist",
                "pair",
                "form",
                "arrow",
                "equal",
                "colon",
                "tag",
                "comma",
                "call",
                "space",
            )
            if join[group] is not None
        ),
        how,
    )
    start = join.end()
    before = text[begin - 1] if begin else ""
    how = "tag" if how == "plist" else how
    if how == "tag" and join["plist"] is None and not _opens_tag(text, begin, join):
        return
    if how == "form" and not join["close"]:
        return
    if how == "call" and named(name.rpartition(".")[2]).strength == 0:
        return
    if how == "call" and name.lower().endswith("pass"):
        return
    if how == "call" and _READERS.match(name):
        return
    if (how == "call" and meant.kind in {"credential", "authorization"}) or (
        meant.kind == "authorization" and text[start : start + 1] == "("
    ):
        second = _SECOND.match(text, start if how == "call" else start + 1)
        if second is not None and not is_reference(second["value"]):
            yield second.start("value"), second.end("value"), "password"
        return
    if meant.kind == "cookie" and how in {"colon", "equal", "comma", "arrow"}:
        yield from cookie_spans(text, start, set_cookie=name.lower().startswith("set"))
        return
    if meant.kind == "authorization" and how != "space":
        spans = list(scheme_spans(text, start, start, sure=meant.strength > 1))
        if spans and (how != "comma" or _HEADER.match(text, start + 1) is not None):
            yield from spans
            return
    opened = None if how == "tag" else OPEN.match(text, start)
    if opened is not None:
        value_begin, value_end = quoted(text, opened)
        bare = False
    else:
        value_begin, value_end = bare_value(
            text,
            start,
            in_query=before in "?&" and before != "",
            how=how or "",
            weak=meant.strength == 1 and meant.kind == "key",
        )
        bare = True
    if value_begin >= value_end:
        return
    if how == "space" and not flag:
        yield from prose_spans(text, begin, join, name, meant, value_begin, value_end, bare=bare)
        return
    if (
        how == "comma"
        and not flag
        and not (join["close"] and _is_setter(text, begin))
        and not (
            join["close"]
            and not bare
            and text[max(0, begin - 2) : begin - 1] in {"(", "["}
            and is_mixed(text[value_begin:value_end])
        )
    ):
        return
    if (
        how == "equal"
        and (bare or is_word(text[value_begin:value_end]))
        and text[join.start("equal") : join.end("equal")].strip() in {"==", "==="}
    ):
        return
    value = text[value_begin:value_end]
    if meant.kind == "credential" and "://" in value and "@" in value and next(url_spans(value), None) is not None:
        return  # an address of which the password is the secret
    if is_word(value.strip("_")) and compact(name).endswith(compact(value)):
        return  # `password=password` passes a variable on
    if (
        how == "colon"
        and is_word(value)
        and text[join.start("colon") : join.end("colon")] == ":"
        and not join["close"]
        and bare
    ):
        return  # `passwd:dir`, `auth:login`: names with a colon in them
    if (
        how == "tag"
        and bare
        and not text.startswith(
            ("</", "]]>"),
            value_end + len(text[value_end : value_end + 80]) - len(text[value_end : value_end + 80].lstrip()),
        )
    ):
        return
    in_query = before in {"?", "&"}
    if judge(
        value,
        meant,
        bare=bare,
        how="flag" if flag and how in {"space", "comma"} else "tight" if join["equal"] == "=" else how or "",
        in_query=in_query,
    ):
        if name == "PASS" and how == "colon":
            return  # what tests say
        if bare and how in {"colon", "equal"} and not flag and goes_on(text, value_begin, value_end, how, meant):
            return
        if bare and how == "colon":
            value_end = line_end(text, begin, value_end)
        yield value_begin, value_end, meant.kind


def _opens_tag(text: str, begin: int, join: re.Match[str]) -> bool:
    if text[begin - 1 : begin] == "<" or (
        text[max(0, begin - 20) : begin].rpartition("<")[2].endswith(":") and "<" in text[max(0, begin - 20) : begin]
    ):
        return join["close"] is None
    return join["close"] is not None and "<" in text[max(0, begin - 120) : begin]


def _is_setter(text: str, begin: int) -> bool:
    word = re.search(r"([\w.]{1,40})\s*\(\s*(?:\\*[\"'])$", text[max(0, begin - 60) : begin])
    return word is not None and word[1].rpartition(".")[2].lower() in _LISTS
