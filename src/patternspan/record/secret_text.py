"""All secrets in a text, as spans: by form, in addresses, on command lines, and beside names.

Everything is found in the text as it came, then replaced once, so that no rule sees the marks of another.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_names import Named, compact, configured, named
from patternspan.record.secret_shapes import Span, expression, literals, shape_spans
from patternspan.record.secret_tools import is_metavar, may_be_command, tool_spans
from patternspan.record.secret_urls import url_spans
from patternspan.record.secret_values import (
    is_code,
    is_mixed,
    is_prose_word,
    is_random,
    is_reference,
    is_sentence,
    is_type,
    is_uuid,
    is_word,
)

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


_HINTS: Final = (*_STEMS, "sudo", "login", "logon", "stdin", "@", "://", "webhook", "%3a")
_WORD_TAIL: Final = re.compile(r"[\w.$-]*")
_SPACED: Final = re.compile(
    r"(?i)(?:api|access|secret|private|account|signing|encryption|master|shared|storage|license|recovery|wifi|wi-fi"
    r"|root|admin|user|db|database|client|app|bot|auth|bearer|refresh|session|personal access|one-time|host|webhook)$"
)
_MOST_NAME: Final = 96
_MOST_VALUE: Final = 4096

_Q: Final = r"(?:\\{0,7}[\"'`]|&quot;|&\#34;|&\#39;|&apos;|%22|%27)"
_ANSI: Final = r"(?:\x1b\[[0-9;]{0,12}m){0,3}"
# After a name: what closes it, then what joins it to its value.
_JOIN: Final = re.compile(
    rf"""(?xi)
    {_ANSI}
    (?P<close>{_Q}|\*\*|__)?
    (?:\]|\)|%5D|\\?\]){{0,2}}
    {_ANSI}
    (?:
      (?P<option>[ \t]{{1,4}}--?(?:value|body)[ \t=]{{1,4}})
    | (?P<typed>[ \t]{{0,4}}:[ \t]{{0,4}}[A-Za-z_&][\w&:<>\[\],|?*.]{{0,40}}?[ \t]{{0,4}}=[ \t]{{0,4}}(?=[brf]?{_Q}))
    | (?P<block>[ \t]{{0,4}}\{{[^{{}}]{{0,200}}?\bdefault[ \t]{{0,8}}=[ \t]{{0,8}}(?={_Q}))
    | (?P<pair>[ \t]{{0,4}}(?:,|;|\\?n|\r?\n[ \t]{{0,40}}-?)?[ \t]{{0,40}}{_Q}?(?:value|val|content|default|defaultvalue){_Q}?[ \t]{{0,4}}[:=][ \t]{{0,4}})
    | (?P<form>\r?\n(?:[\w-]{{1,40}}:[^\n]{{0,100}}\r?\n){{0,2}}\r?\n)
    | (?P<plist></key>\s{{0,24}}<string>)
    | (?P<arrow>[ \t]{{0,8}}(?:=>|:=|->)[ \t]{{0,8}})
    | (?P<equal>[ \t]{{0,24}}(?:\?=|\+=|={{1,3}}|%3D|&\#61;)[ \t]{{0,8}})
    | (?P<colon>[ \t]{{0,24}}(?::|%3A)(?!//)(?:[ \t]{{0,4}}[|>][+-]?[ \t]{{0,4}}\r?\n[ \t]{{1,24}}|[ \t]{{0,4}}\r?\n[ \t]{{0,24}}(?=[\"'](?![\"']))|[ \t]{{0,24}}))
    | (?P<tag>(?:[ \t][^<>\n]{{0,120}})?>[ \t]{{0,8}}(?:\r?\n[ \t]{{0,24}})?(?:<!\[CDATA\[|<string>[ \t]*|<value>[ \t]*)?)
    | (?P<comma>[ \t]{{0,4}},[ \t]{{0,4}})
    | (?P<call>\([ \t]{{0,4}}(?={_Q}))
    | (?P<space>{_ANSI}[ \t]{{1,16}}(?:\\\r?\n[ \t]{{1,16}})?)
    )
    {_ANSI}
    """
)
_OPEN: Final = re.compile(
    rf"(?:!!?[a-z]{{2,8}}[ \t])?(?:(?:SecretStr|Secret|SecureString|Password|Token|String|str|bytes)\()?[brfuBRFU@$]{{0,2}}(?P<quote>\"\"\"|'''|{_Q})"
)
_SECOND: Final = re.compile(
    r"[\"'][^\"'\n]{0,128}[\"']\s{0,4},\s{0,4}(?P<quote>[\"'])(?P<value>[^\"'\n]{1,256})(?P=quote)"
)
_BARE: Final = re.compile(r"(?:[^\s\"'`<>\\&;,%\x1b]|\\(?![nrt\"'`\\]|u00)|[&;,%](?![\s\"']|$))*")
_CHANCE: Final = re.compile(r"[A-Za-z0-9+/_.~%@:-]{0,4096}={0,3}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{32}|sha\d+[:-].*)")
_END_PAIR: Final = re.compile(
    r"[&;,](?:amp;)?[ \t]*[\w.\[\]-]{1,60}[ \t]*[=:]|\\+[nrt](?=[\s\"'\\]|$|[\w.-]{1,60}[ \t]*[=:])"
)
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
_SETTINGS: Final = tuple(
    f"{name}="
    for name in "server;data source;host;hostname;user id;uid;user;username;database;initial catalog;driver;dsn;endpoint;accountname"
    ";sharedaccesskeyname;port;encrypt;addr;defaultendpointsprotocol;persist security info".split(";")
)
_SETTING_AFTER: Final = re.compile(
    r"(?i)[^;\n\"'=]{1,80};\s?(?:server|data source|host|hostname|user id|uid|database|initial catalog|driver|port|encrypt|trustservercertificate|pooling|connection timeout|endpointsuffix|entitypath|persist security info|multipleactiveresultsets|integrated security|timeout|ssl ?mode)\s?="
)
_POINTER: Final = re.compile(r"[*&@][A-Za-z_]+|\*\S{1,40}\*")
_TYPED: Final = re.compile(r"[ \t]+(\S{4,128})")
_LOGIN: Final = re.compile(
    r"(?i)\b(?:login|log_in|authenticate|basic_?auth|signin|sign_in)\(\s{0,4}[\"'][^\"'\n]{1,128}[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{1,128})[\"']"
)
_INSERT: Final = re.compile(r"(?i)\binsert\s+into\s+\S{1,80}\s*\(([^()]{1,600})\)\s*values\s*\(")
_SQL_VALUE: Final = re.compile(r"\s*(?:'((?:[^'\n]|''){0,512})'|([^,()'\n]{0,80}))\s*([,)])")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]{0,12}m")
_MARK: Final = re.compile(r"\[redacted:[^\]\s]{0,80}\]")
_IS: Final = re.compile(
    r"(?i)(?:[ \t]+(?:for|of|to|on|in|at|from)[ \t]+(?:(?!is\b|was\b)[^\s:=]{1,40}[ \t]+){0,5}?)?"
    r"(?:[ \t]*(?:is|was|are|will be|reads|equals|set to|changed to|reset to|has been set to|is now|is set to|updated to)(?:[ \t]*:)?|[ \t]*[-–—]+>?|[ \t]*[:=])[ \t]+(?:still |now |just |currently |simply |set to |)"
)
_WHO: Final = re.compile(r"(?i)\(([^()\n]{1,40})\)[ \t]*[:=]?[ \t]*")
_BASIC: Final = re.compile(r"[A-Za-z0-9+/_-]{8,4096}={0,2}")
_ENCODED: Final = re.compile(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{20,4096}={0,2}(?![A-Za-z0-9+/=_-])")
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
_IDENTIFIED: Final = re.compile(
    r"(?i)\bidentified\s+(?:with\s+\S{1,40}\s+)?by\s+(?:password\s+)?(?:'([^'\n]{1,256})'|\"([^\"\n]{1,256})\"|([^\s;'\"]{1,128}))"
)
_SQL_USER: Final = re.compile(r"(?i)\b(?:user|role|grant|alter|create)\b")
_SECURE_STRING: Final = re.compile(
    r"(?i)convertto-securestring\s+(?:-string\s+)?(?:\"([^\"\n]{1,256})\"|'([^'\n]{1,256})'|([^\s\"'$-][^\s\"']{0,256}))"
)
_LISTS: Final = frozenset(
    "define putenv setenv set config put header setheader addheader add append env setx export setproperty setattribute"
    " set_header add_header setrequestheader setitem set_password insert withenv environment".split()
)
_READERS: Final = re.compile(
    r"(?i)^\.?(?:get|read|fetch|find|load|prompt|check|has|is|require|delete|remove|lookup|by|test|describe|it|input|label|ask|verify|validate|assert\w*|log|print|error|hash|encrypt|decode|encode|raise|throw)"
)
_LATER_WORDS: Final = re.compile(r"[ \t]+[a-z]{2,}(?:[ \t]|$|[,.;:])")


def may_hold_secret(text: str) -> bool:
    """Say whether a text has anything that any rule below begins with: the quick way out."""
    lowered = text.lower()
    # Loops, because this is asked of each new text, and a generator costs twice as much.
    for hint in _HINTS:
        if hint in lowered:
            return True
    for literal in literals():
        if literal in text:
            return True
    if (configured.names and any(name in compact(text) for name in configured.names)) or may_be_command(text):
        return True
    return len(text) >= 20 and (expression(_LONG).search(text) is not None or text.count(":") >= 4)


_LONG: Final = r"[A-Za-z0-9+/]{20}|[MNO][A-Za-z0-9_-]{22}"


def secret_spans(text: str, *, decode: bool = True) -> list[Span]:
    """Return where the secrets of a text are, in order and apart."""
    if not configured.defaults:
        return apart(text, list(_named_spans(text)))
    found = [*shape_spans(text), *url_spans(text), *_named_spans(text), *_literal_spans(text)]
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


def _groups(match: re.Match[str], *numbers: int) -> Span | None:
    for number in numbers:
        if match[number] is not None:
            return match.start(number), match.end(number), "password"
    return None


def _literal_spans(text: str) -> Iterator[Span]:
    """Find what stands in fixed phrases: SQL, PowerShell, a password piped into a tool, .pgpass, "login: a / b"."""
    lowered = text.lower()
    if "identified" in lowered:
        yield from _phrases(text, _IDENTIFIED, 1, 2, 3)
    if "securestring" in lowered:
        yield from _phrases(text, _SECURE_STRING, 1, 2, 3)
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


def _encoded_spans(text: str) -> Iterator[Span]:
    """Find base64 that holds a secret in plain text: all of it goes."""
    for match in _ENCODED.finditer(text):
        plain = _decoded(match[0])
        if plain and (secret_spans(plain, decode=False)):
            yield match.start(), match.end(), "encoded"


def _decoded(value: str) -> str:
    import binascii

    try:
        plain = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return plain if plain.replace("\n", "").replace("\t", "").replace("\r", "").isprintable() else ""


def header_spans(value: str, meant: Named) -> list[Span]:
    """Return what is secret of the value of an `Authorization` or `Cookie` header, or of a member named so."""
    if meant.kind == "cookie":
        return list(_cookies(value, 0, set_cookie=False))
    return list(_scheme(value, 0, 0, sure=True))


def is_basic(value: str) -> bool:
    """Say whether a value is the base64 of `user:password`."""
    plain = _decoded(value.replace("-", "+").replace("_", "/")) if _BASIC.fullmatch(value) else ""
    return 0 < plain.find(":") < len(plain) - 1


# Beside names


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
        yield from _scheme(text, begin, end, sure=False)
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
        yield from _cookies(text, start, set_cookie=name.lower().startswith("set"))
        return
    if meant.kind == "authorization" and how != "space":
        spans = list(_scheme(text, start, start, sure=meant.strength > 1))
        if spans and (how != "comma" or _HEADER.match(text, start + 1) is not None):
            yield from spans
            return
    opened = None if how == "tag" else _OPEN.match(text, start)
    if opened is not None:
        value_begin, value_end = _quoted(text, opened)
        bare = False
    else:
        value_begin, value_end = _bare(
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
        yield from _prose(text, begin, join, name, meant, value_begin, value_end, bare=bare)
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
        if bare and how in {"colon", "equal"} and not flag and _goes_on(text, value_begin, value_end, how, meant):
            return
        if bare and how == "colon":
            value_end = _line_end(text, begin, value_end)
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


def _quoted(text: str, opened: re.Match[str]) -> tuple[int, int]:
    """Return where a quoted value begins and ends; where the quote is never closed, the line's end ends it."""
    quote = opened["quote"]
    begin = opened.end()
    limit = min(len(text), begin + _MOST_VALUE)
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


def _bare(text: str, start: int, *, in_query: bool, how: str, weak: bool = False) -> tuple[int, int]:
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
        close = text.find("<", start, start + _MOST_VALUE)
        end = close if close >= 0 else min(len(text), start + _MOST_VALUE)
        close = text.find("]]>", start, end)
        value = text[start : close if close >= 0 else end].rstrip()
        return start, start + len(value)
    at = start
    limit = min(len(text), start + _MOST_VALUE)
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


def _line_end(text: str, begin: int, value_end: int) -> int:
    """Return where a value of several words ends: `passphrase: correct horse battery` as the whole of a line."""
    line = text.find("\n", value_end, value_end + 200)
    rest = text[value_end : line if line >= 0 else min(len(text), value_end + 200)]
    first = text.rfind("\n", max(0, begin - 100), begin) + 1
    if not re.fullmatch(r"(?: [A-Za-z0-9'!?-]+){1,11}", rest.rstrip()) or text[first:begin].strip(" -\t\"'"):
        return value_end
    return value_end + len(rest.rstrip())


def _goes_on(text: str, value_begin: int, value_end: int, how: str, meant: Named) -> bool:
    """Say whether a bare word after a colon begins a sentence rather than being a value."""
    value = text[value_begin:value_end]
    if is_mixed(value) or how == "equal":
        return False
    after = _LATER_WORDS.match(text, value_end)
    if after is None:
        return False
    line = text.find("\n", value_end, value_end + 300)
    rest = text[value_begin : line if line >= 0 else min(len(text), value_end + 300)]
    return (
        is_sentence(rest)
        or re.search(r"(?i)passw|token|secret", rest) is not None
        or is_prose_word(value)
        or meant.kind != "password"
    )


def judge(value: str, meant: Named, *, bare: bool = False, how: str = "", in_query: bool = False) -> bool:
    """Say whether `value`, beside a name of this meaning, is a secret.

    `bare` is a value without quotes, where code and prose stand too; `how` says what joined it to its name.
    """
    if is_reference(value):
        return False
    text = value.strip()
    if how != "flag" and is_type(text):
        return False
    if is_metavar(text):
        return False
    if meant.strength == 1:
        return _judge_weakly(text, meant, in_query=in_query)
    if text.isdigit():
        return (meant.kind in {"password", "secret", "pin"} and len(text) >= 4) or (
            len(text) >= 6 and (in_query or how == "flag")
        )
    if text.replace(".", "", 1).replace("-", "", 1).isdigit() and len(text) < 12:
        return False
    if is_sentence(text) or (
        text.count(" ") >= 1 and re.search(r"(?i)passw|token|secret|\bkey\b|sign in|log in", text)
    ):
        return False
    if bare and (text[-1] == ":" or (text[0] == "(" and how != "flag") or _POINTER.fullmatch(text)):
        return False
    if bare:
        return _judge_bare(text, meant, how)
    if meant.kind not in {"password", "secret"} and is_code(text) and not any(map(str.isdigit, text)) and how != "flag":
        return False
    if meant.kind == "key" and len(text) < 6:
        return False
    if is_word(text):
        # Of words alone, the names of other fields stay, and of tokens, which are no words, all short ones.
        if named(text).strength or (is_prose_word(text) and not in_query):
            return False
        return meant.kind != "token" or in_query or len(text) >= 8
    return not (meant.strength == 2 and len(text) < 3) and not (
        " " in text and meant.kind != "password" and meant.kind != "secret" and not is_random(text.replace(" ", ""))
    )


def _judge_weakly(text: str, meant: Named, *, in_query: bool) -> bool:
    if meant.kind == "pin":
        return text.isdigit() and 4 <= len(text) <= 12
    if meant.kind == "connection":
        return False  # the password inside it is found by itself
    if meant.kind == "code":
        return in_query and is_random(text)
    if meant.kind in {"authorization", "session", "password"}:
        numbered = any(map(str.isdigit, text)) and is_mixed(text) and not is_code(text) and not is_uuid(text)
        return (numbered and len(text) >= 8) or is_basic(text) or is_random(text)
    if meant.kind == "token":
        return (is_mixed(text) and len(text) >= 6) or (text.isdigit() and 6 <= len(text) <= 8)
    if meant.kind == "signature" and in_query:
        return len(text) >= 16 or (len(text) >= 8 and is_mixed(text))
    if not in_query and meant.kind != "tokens" and _HEX.fullmatch(text):
        return False  # a digest: caches and stores have such keys
    if meant.kind == "key" and "/" in text and "." in text:
        return False  # a path in a store
    return (is_random(text) and not is_code(text)) or (is_uuid(text) and meant.kind == "secret")


def _judge_bare(text: str, meant: Named, how: str) -> bool:
    if how == "flag":
        return not is_prose_word(text) and not text.startswith(("(", "[", "{", "<", "|"))
    if text.endswith(("[", "(")):
        return False
    if is_mixed(text) and not is_code(text):
        return True
    if text[0] in "([{<|" or is_code(text):
        return is_code(text) and is_random(text) and "(" not in text and "." not in text
    if is_word(text.rstrip(".")):
        if is_prose_word(text):
            return False
        if meant.kind == "token":
            return how == "tight" and len(text) >= 8
        return (
            len(text) >= 3
            and (how in {"equal", "tight", "colon", "pair", "tag", "form", "arrow"})
            and (meant.strength == 3 or how in {"equal", "tight"})
        )
    return (
        len(text) >= (1 if meant.strength == 3 else 4) and not text.endswith((":", "(")) and any(map(str.isalnum, text))
    )


# Headers and cookies


def _scheme(text: str, start: int, at: int, *, sure: bool) -> Iterator[Span]:
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
        "=" in word.rstrip("=") and re.match(r"(?i)(?:realm|scope|error|username|charset)=", word)
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


def _cookies(text: str, start: int, *, set_cookie: bool) -> Iterator[Span]:
    limit = text.find("\n", start, start + _MOST_VALUE)
    limit = limit if limit >= 0 else min(len(text), start + _MOST_VALUE)
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


# Prose


def _prose(
    text: str, begin: int, join: re.Match[str], name: str, meant: Named, value_begin: int, value_end: int, *, bare: bool
) -> Iterator[Span]:
    """Judge what follows a name after a space: "password is hunter2", SQL's `PASSWORD 'x'`, `machine a password b`."""
    if name == "AUTH" and is_mixed(text[value_begin:value_end]) and text[value_end : value_end + 1] in {"", "\n"}:
        yield value_begin, value_end, "password"
    if meant.strength < 2 and meant.kind not in {"pin", "code", "token", "password"}:
        return
    lead = text[max(0, begin - 60) : begin]
    if join["close"] or (text[begin - 1 : begin] == "/" and " put " not in lead):
        return
    phrase = _IS.match(text, join.start("space"))
    if phrase is None:
        who = _WHO.match(text, value_begin)
        if who is not None and is_mixed(who[1]) and not is_code(who[1]) and " " not in who[1]:
            yield who.start(1), who.end(1), meant.kind
            return
        phrase = who if who is not None and who[0].rstrip()[-1] in ":=" else None
    if phrase is not None:
        opened = _OPEN.match(text, phrase.end())
        at, end = (
            _quoted(text, opened) if opened is not None else _bare(text, phrase.end(), in_query=False, how="space")
        )
        value = text[at:end].rstrip(".!?,;:)")
        if (
            value
            and not is_reference(value)
            and not is_sentence(value)
            and _is_told(value, meant, quoted=opened is not None, text=text, end=at + len(value))
        ):
            yield at, at + len(value), meant.kind
        return
    value = text[value_begin:value_end]
    if not bare:
        if name.lower() == "pass" and not is_mixed(value):
            return
        if (
            meant.kind in {"password", "secret"}
            and not is_sentence(value)
            and not is_prose_word(value)
            and " " not in value
            and judge(value, meant)
            and (is_mixed(value) or not _LATER_WORDS.match(text, value_end + 1))
        ):
            yield value_begin, value_end, meant.kind
        return
    if len(value) == 1 and value.isdigit():
        # A router's settings say how it is written before they say it: `password 7 0822455D0A16`.
        typed = _TYPED.match(text, value_end)
        if typed is not None and is_mixed(typed[1]):
            yield typed.start(1), typed.end(1), meant.kind
        return
    value = value.rstrip(".!?,;:)")
    if is_reference(value) or is_code(value) or value[:1] in "([{<|-=@":
        return
    lead_line = text[max(text.rfind("\n", max(0, begin - 100), begin) + 1, begin - 40) : begin].strip()
    if (
        name.lower() == "pass"
        and lead_line not in {">", "C:", "-->", ">>>"}
        and not re.search(r"(?i)\b(?:login|user(?:name)?)[ =:]", lead)
    ):
        return  # what a test or a loop does
    alone = text[text.rfind("\n", max(0, begin - 100), begin) + 1 : begin].strip() in {
        "",
        "-",
        "export",
        "set",
    } and text[value_end : value_end + 1] in {"", "\n", "\r"}
    netrc = ("login" in lead or "user" in lead or "account" in lead) and (
        meant.kind == "password"
        and re.search(r"\b(?:login|user|username|account)\s+(?!(?:and|or|/|&|-)\s)\S+\s+$", lead) is not None
    )
    config = name.lower() in {"requirepass", "masterauth", "rootpw", "bindpw", "masterpass", "auth_pass"}
    if (
        is_mixed(value)
        and (meant.strength >= 2 or meant.kind == "pin" or "snmp" in lead)
        and not value.startswith(("v1", "v2"))
        and value.count("-") < 3
    ):
        if meant.kind in {"password", "secret"} or is_random(value) or alone or netrc or len(value) >= 8:
            yield value_begin, value_begin + len(value), meant.kind
    elif ((config or netrc) and not is_prose_word(value)) or (
        meant.kind == "pin" and value.isdigit() and 4 <= len(value) <= 8
    ):
        yield value_begin, value_begin + len(value), meant.kind


def _is_told(value: str, meant: Named, *, quoted: bool, text: str, end: int) -> bool:
    if meant.kind in {"pin", "code"} or (meant.kind == "token" and meant.strength == 1):
        return (value.isdigit() and 4 <= len(value) <= 8) or is_random(value)
    if value.isdigit():
        return meant.kind == "password" and len(value) >= 4 and not _LATER_WORDS.match(text, end)
    if quoted:
        return not is_prose_word(value) and not is_type(value)
    if is_mixed(value):
        return not is_code(value) or is_random(value)
    if meant.kind not in {"password", "secret"} or (is_code(value) and not is_word(value)):
        return False
    # A bare word: only where the sentence ends with it, and no participle or adjective stands there.
    return (
        len(value) >= 6
        and is_word(value)
        and value.islower()
        and not is_prose_word(value)
        and not _LATER_WORDS.match(text, end)
    )
