"""Whether what stands beside a secret's name is one."""

from __future__ import annotations

import re
from typing import Final

from patternspan.record.secret_names import Named, named
from patternspan.record.secret_tools import is_metavar
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

_HEX: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{32}|sha\d+[:-].*)")
_POINTER: Final = re.compile(r"[*&@][A-Za-z_]+|\*\S{1,40}\*")
_BASIC: Final = re.compile(r"[A-Za-z0-9+/_-]{8,4096}={0,2}")


def decoded(value: str) -> str:
    """Return the text that base64 stands for; nothing where it is none, or no text."""
    import binascii

    try:
        plain = binascii.a2b_base64(value + "=" * (-len(value) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return plain if plain.replace("\n", "").replace("\t", "").replace("\r", "").isprintable() else ""


def is_basic(value: str) -> bool:
    """Say whether a value is the base64 of `user:password`."""
    plain = decoded(value.replace("-", "+").replace("_", "/")) if _BASIC.fullmatch(value) else ""
    return 0 < plain.find(":") < len(plain) - 1


def judge(value: str, meant: Named, *, bare: bool = False, how: str = "", in_query: bool = False) -> bool:
    """Say whether `value`, beside a name of this meaning, is a secret.

    `bare` is a value without quotes, where code and prose stand too; `how` says what joined it to its name.
    """
    if meant.kind == "name":
        return not value.startswith("[redacted:")  # a name that the configuration gives withholds whatever it has
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
        return is_code(text) and is_random(text.rpartition(".")[2]) and "(" not in text
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
