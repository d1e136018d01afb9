"""Secrets in sentences: "the password for ada is …", and what only reads like one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from patternspan.record.secret_bounds import OPEN, bare_value, quoted
from patternspan.record.secret_judge import judge
from patternspan.record.secret_names import Named
from patternspan.record.secret_shapes import Span
from patternspan.record.secret_values import (
    is_code,
    is_mixed,
    is_prose_word,
    is_random,
    is_reference,
    is_sentence,
    is_type,
    is_word,
)

_TYPED: Final = re.compile(r"[ \t]+(\S{4,128})")
_IS: Final = re.compile(
    r"(?i)(?:[ \t]+(?:for|of|to|on|in|at|from)(?:[ \t]+(?!(?:is|was)\b)[^\s:=]{1,40}){1,5}?)?"
    r"(?:[ \t]*(?:(?:(?:is|was|were|has been|have been|will be|gets|got)[ \t]+)?(?:set|changed|reset|updated|rotated|switched)(?:[ \t]+(?:to|from))|is now|is|was|are|will be|reads|equals)(?:[ \t]*:)?|[ \t]*[-–—]+>?|[ \t]*[:=])[ \t]+(?:still |now |just |currently |simply |set to |)"
)
_WHO: Final = re.compile(r"(?i)\(([^()\n]{1,40})\)[ \t]*[:=]?[ \t]*")
_PASSPHRASE: Final = re.compile(r"[a-z]{4,12}(?:[-_.][a-z]{4,12}){2,7}")
"""Words out of a list, as people are told to make passwords; what is `out-of-date` has shorter ones."""
LATER_WORDS: Final = re.compile(r"[ \t]+[a-z]{2,}(?:[ \t]|$|[,.;:])")


def goes_on(text: str, value_begin: int, value_end: int, how: str, meant: Named) -> bool:
    """Say whether a bare word after a colon begins a sentence rather than being a value."""
    value = text[value_begin:value_end]
    if is_mixed(value) or how == "equal":
        return False
    after = LATER_WORDS.match(text, value_end)
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


def prose_spans(
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
        if (
            who is not None
            and meant.strength > 1
            and who[1][:1] != "@"
            and is_mixed(who[1])
            and not is_code(who[1])
            and " " not in who[1]
        ):
            yield who.start(1), who.end(1), meant.kind
            return
        phrase = who if who is not None and who[0].rstrip()[-1] in ":=" else None
    if phrase is not None:
        opened = OPEN.match(text, phrase.end())
        at, end = (
            quoted(text, opened) if opened is not None else bare_value(text, phrase.end(), in_query=False, how="space")
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
            (meant.kind in {"password", "secret"} or is_random(value))
            and not is_sentence(value)
            and not is_prose_word(value)
            and " " not in value
            and judge(value, meant)
            and (is_mixed(value) or not LATER_WORDS.match(text, value_end + 1))
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
    if is_reference(value) or value[:1] in "([{<|-=@":
        return
    told = meant.kind == "password" and meant.strength >= 2 and not LATER_WORDS.match(text, value_begin + len(value))
    if told and _PASSPHRASE.fullmatch(value) and re.search(r"(?i)\b(?:and|with|the|/) $", lead):
        yield value_begin, value_begin + len(value), meant.kind
        return
    if is_code(value):
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
        return meant.kind == "password" and len(value) >= 4 and not LATER_WORDS.match(text, end)
    if quoted:
        return not is_prose_word(value) and not is_type(value)
    if is_mixed(value):
        return not is_code(value) or is_random(value)
    if meant.kind == "password" and _PASSPHRASE.fullmatch(value) and not LATER_WORDS.match(text, end):
        return True
    if meant.kind not in {"password", "secret"} or (is_code(value) and not is_word(value)):
        return False
    # A bare word: only where the sentence ends with it, and no participle or adjective stands there.
    return (
        len(value) >= 6
        and is_word(value)
        and value.islower()
        and not is_prose_word(value)
        and not LATER_WORDS.match(text, end)
    )
