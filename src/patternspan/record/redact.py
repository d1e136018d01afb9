"""Secrets out of details and texts, before any sink. A rule that raises withholds the value.

A secret is replaced by `[redacted:KIND]`, so that a reader sees that something was there and of what kind; what
stands around it stays. `secret_text.py` knows what is one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from patternspan.record import redact_rules
from patternspan.record.redact_rules import count, in_force
from patternspan.record.secret_names import Named, compact, configured, named

Redact = Collection[str] | Callable[[str, Any], Any]
"""Further member names to withhold, or a function (member name, value) -> the value to write."""

_OURS: Final = frozenset({"selection_method", "result", "error_type"})
"""Members of details that hold words of ours, never data of the caller's."""
_CACHED_CHARS: Final = 256
_DEPTH: Final = 32
_NOTHING: Final = Named("", 0)
# Of an object under a secret's name, what says whose or where it is.
_OPEN_MEMBERS: Final = frozenset(
    "user username name host hostname port url uri type kind method scheme id email scope scopes region realm"
    " clientid tenantid expires expiresat expiresin issuer audience algorithm alg path file enabled required provider"
    " description title label version status role roles database created updated message count".split()
)
_NAMING: Final = (
    "name",
    "key",
    "Name",
    "Key",
    "variable",
    "field",
    "header",
    "label",
    "id",
    "ParameterKey",
    "param",
    "env",
)
_NAMED_VALUE: Final = ("value", "Value", "val", "content", "default", "ParameterValue", "data")
_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


def redact(value: Any) -> Any:
    """Return a copy of a text, or of any value as JSON has them, in which each secret is `[redacted:KIND]`.

    Names of members, lists that are command lines, and texts are judged as before they are written to a log, by the
    rules that the configuration has put in force. What cannot be judged is withheld whole. Never raises.
    """
    return redact_text(value) if isinstance(value, str) else _redact_value("", value, _DEPTH)


def redact_text(text: str) -> str:
    """Return `text` with each secret in it replaced; where that cannot be done, nothing but a mark."""
    try:
        return replaced(text, text_spans(text))
    except Exception as error:  # noqa: BLE001 - fail closed: what could not be judged is withheld
        return count(type(error).__name__)


def text_spans(text: str) -> list[tuple[int, int, str]]:
    """Return where a text's secrets begin and end, and of what kind they are."""
    from patternspan.record import secret_text

    rules = in_force.rules
    found: list[tuple[int, int, str]] = []
    if (rules.defaults or configured.names) and secret_text.may_hold_secret(text):
        found = secret_text.secret_spans(text)
    if rules.patterns:
        found = secret_text.apart(text, [*found, *rules.further_spans(text)])
    return [span for span in found if not rules.keeps(text[span[0] : span[1]])] if rules.keep else found


def replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    """Return `text` with the mark of its kind in the place of each span; the spans are in order and apart."""
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for begin, end, kind in spans:
        parts += (text[done:begin], count(kind))
        done = end
    return "".join((*parts, text[done:]))


def is_secret_name(name: str) -> bool:
    """Say whether a member of this name is withheld whatever text it holds, but for placeholders and prose."""
    return named(name).strength > 1


_clean_texts: Final[set[str]] = set()
"""Short texts that hold no secret, so that those which come again cost one look-up; bounded by `_MOST_CLEAN`."""
_clean_names: Final[set[str]] = set()
"""Member names that withhold nothing."""
_MOST_CLEAN: Final = 8192
clean_encodings: Final[set[bytes]] = set()
"""Details without secrets, encoded, so that those which come again cost one look-up; bounded."""
_MOST_ENCODINGS: Final = 512
_LONGEST_ENCODING: Final = 2048


def use_rules(
    *, names: Iterable[str] = (), patterns: Iterable[str] = (), keep: Iterable[str] = (), defaults: bool = True
) -> None:
    """Put rules in force, and forget what others have found to be clean. Raises ConfigError."""
    redact_rules.use_rules(names=names, patterns=patterns, keep=keep, defaults=defaults)
    _clean_texts.clear()
    _clean_names.clear()
    clean_encodings.clear()


def remember_clean(encoding: bytes) -> None:
    """Remember the encoding of details that are clean."""
    if len(encoding) <= _LONGEST_ENCODING:
        if len(clean_encodings) >= _MOST_ENCODINGS:
            clean_encodings.clear()
        clean_encodings.add(encoding)


def is_clean(details: dict[str, Any]) -> bool:
    """Say whether details are known to hold only plain values without secrets: the quick way out."""
    if not _clean_names.issuperset(details):
        return False
    for value in details.values():
        kind = value.__class__
        if kind is str:
            if value not in _clean_texts:
                return False
        elif kind is list:
            for item in value:
                if item.__class__ is not str or item not in _clean_texts:
                    return False
        elif kind is dict:
            if not is_clean(value):
                return False
        elif kind is not int and kind is not float and kind is not bool and value is not None:
            return False
    return True


def redact_details(details: dict[str, Any], also: Redact | None = None) -> dict[str, Any]:
    """Return details without secrets, as plain values."""
    if also is not None:
        return {name: _redact_with(also, name, value, top=True) for name, value in details.items()}
    return _redact_members(details, _NOTHING, _DEPTH + 1)


def _redact_value(name: str, value: Any, depth: int, over: Named = _NOTHING) -> Any:
    """Return a value without secrets; `over` is what the name of the object around it says."""
    kind = type(value)
    meant = over
    if name not in _clean_names:
        own = named(name)
        if own.strength:
            meant = own if own.strength >= over.strength else over
        elif name != "kty":
            _remember(_clean_names, name)
    if kind is str:
        return _redact_string(value, meant)
    if kind is bool or kind is float or value is None:
        return value
    if kind is int:
        hides = meant.kind in {"password", "secret", "pin", "name"} and meant.strength > 1 and abs(value) >= 1000
        return count(meant.kind) if hides and not in_force.rules.keeps(str(value)) else value
    if depth <= 0:
        return "[too deep]"
    if isinstance(value, dict):
        return _redact_members(value, meant, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return _redact_items(list(value), meant, depth)
    return _redact_string(as_text(value), meant)


def _redact_string(text: str, meant: Named) -> str:
    if meant.strength:
        try:
            spans = _spans_by_name(text, meant)
        except Exception as error:  # noqa: BLE001 - fail closed
            return count(type(error).__name__)
        if spans:
            return replaced(text, spans)
    clean = redact_text(text)
    if clean == text and len(text) <= _CACHED_CHARS and not _leads(text):
        _remember(_clean_texts, text)
    return clean


def _leads(text: str) -> bool:
    """Say whether a word means something for those after it: known as clean, it would hide what a list holds."""
    return text[:1] == "-" or (text[:1] == "/" and ":" in text) or text in _leading() or named(text).strength > 0


def _leading() -> frozenset[str]:
    from patternspan.record.secret_tools import LEADING

    return LEADING


def _spans_by_name(text: str, meant: Named) -> list[tuple[int, int, str]]:
    """Return what is secret of a text because of the name that it stands under."""
    from patternspan.record.secret_headers import header_spans
    from patternspan.record.secret_judge import judge

    if in_force.rules.keep and in_force.rules.keeps(text):
        return []
    if meant.kind == "name":
        return [(0, len(text), "name")] if text else []
    if meant.kind in {"authorization", "cookie"}:
        found = header_spans(text, meant)
        if found:
            return found
    inner = text_spans(text) if "://" in text or ";" in text else []
    if inner and not all(begin == 0 and end == len(text) for begin, end, _ in inner):
        return inner  # an address or a list of settings of which a part is the secret
    return [(0, len(text), meant.kind)] if judge(text, meant, how="member") else []


def _redact_members(members: dict[Any, Any], over: Named, depth: int) -> dict[str, Any]:
    """Return an object without secrets. A pair such as `{"name": "DB_PASSWORD", "value": …}` is judged as one."""
    if over.kind == "name" and over.strength:
        return {_key(key): _withheld(item, count("name"), top=False) for key, item in members.items()}
    told = _NOTHING
    if len(members) < 12:
        for word in _NAMING:
            if isinstance(members.get(word), str) and named(members[word]).strength > 1:
                told = named(members[word])
                break
    private = "kty" in members
    members = _joined(members)
    found: dict[str, Any] = {}
    for key, item in members.items():
        name = key if key.__class__ is str and key in _clean_names else _key(key)
        while name in found:
            name += "'"
        if private and key in _JWK and isinstance(item, str):
            found[name] = count("private_key")
        elif told.strength and key in _NAMED_VALUE:
            found[name] = _redact_value("", item, depth - 1, told)
        else:
            stays = over.strength == 0 or compact(name) in _OPEN_MEMBERS
            found[name] = _redact_value(name, item, depth - 1, _NOTHING if stays else over)
    return found


def _joined(members: dict[Any, Any]) -> dict[Any, Any]:
    """Return an object in which the words of a command are judged with the tool that stands beside them."""
    tool = members.get("cmd", members.get("command", members.get("program")))
    words = members.get("args", members.get("arguments"))
    if not isinstance(tool, str) or not isinstance(words, list) or " " in tool:
        return members
    name = "args" if "args" in members else "arguments"
    return {**members, name: _redact_items([tool, *words], _NOTHING, _DEPTH)[1:]}


def _redact_items(items: list[Any], over: Named, depth: int) -> list[Any]:
    """Return a list without secrets: each item by itself, and those that are a command line as a whole."""
    clean = [_redact_value("", item, depth - 1, over) for item in items]
    words = [item if item.__class__ is str else "" for item in items]
    if any("PRIVATE KEY-" in word for word in words):
        _withhold_lines(words, clean)
    if len(items) < 2 or not any(words):
        return clean
    try:
        for place, begin, end, kind in _item_spans(words):
            if clean[place] == words[place] and not (
                in_force.rules.keep and in_force.rules.keeps(words[place][begin:end])
            ):
                clean[place] = replaced(words[place], [(begin, end, kind)])
    except Exception as error:  # noqa: BLE001 - fail closed
        return [count(type(error).__name__)]
    return clean


def _withhold_lines(words: list[str], clean: list[Any]) -> None:
    """Withhold a private key whose lines are the items of a list."""
    inside = False
    for place, word in enumerate(words):
        begins = "-BEGIN " in word and "PRIVATE KEY-" in word and "-END " not in word
        inside = inside or begins
        if inside and clean[place] == word:
            clean[place] = count("private_key")
        if "-END " in word:
            inside = False


def _item_spans(words: list[str]) -> list[tuple[int, int, int, str]]:
    from patternspan.record import secret_tools, secret_values

    if not in_force.rules.defaults and not configured.names:
        return []
    if (
        len(words) == 2
        and words[1]
        and secret_tools.is_name(words[0])
        and named(words[0]).strength > 1
        and not words[0].startswith("-")
    ):
        # A header or a variable as a pair.
        told = secret_values.is_mixed(words[1]) and not secret_values.is_reference(words[1])
        return [(1, 0, len(words[1]), named(words[0]).kind)] if told and not secret_values.is_code(words[1]) else []
    return (
        secret_tools.word_spans(words)
        if any(word[:1] == "-" or (word[:1] == "/" and ":" in word) or word in _leading() for word in words)
        else []
    )


def _remember(known: set[str], text: str) -> None:
    if len(known) >= _MOST_CLEAN:
        known.clear()
    known.add(text)


def _redact_with(also: Redact, name: str, value: Any, *, top: bool = False) -> Any:
    """Apply the caller's rule, then ours. At the top stand members whose form the specification demands."""
    if top and name in _OURS:
        return _redact_value(name, value, _DEPTH)
    try:
        if callable(also):
            value = also(name, value)
        elif name in also:
            return _withheld(value, count("name"), top=True) if top else count("name")
    except Exception as error:  # noqa: BLE001 - fail closed: what could not be judged is withheld
        return _withheld(value, count(type(error).__name__), top=top)
    return _redact_value(name, value, _DEPTH) if is_secret_name(name) else _redact_inside(also, name, value)


def _redact_inside(also: Redact, name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _redact_with(also, _key(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        if any(isinstance(item, (dict, list, tuple, set, frozenset)) for item in value):
            return [_redact_inside(also, name, item) for item in value]
        return _redact_value(name, value, _DEPTH)
    return _redact_value(name, value, _DEPTH)


def _withheld(value: Any, mark: str, *, top: bool) -> Any:
    """Return `mark` in the form of `value`, so that an event stays one; numbers at the top are our counts and codes."""
    if isinstance(value, dict):
        return {_key(key): _withheld(item, mark, top=False) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_withheld(item, mark, top=False) for item in value]
    return value if value is None or (top and isinstance(value, (int, float))) else mark


def _key(key: Any) -> str:
    return redact_text(key if isinstance(key, str) else as_text(key))


def as_text(value: Any) -> str:
    """Return the text of any object, also of one whose `__str__` raises."""
    if value.__class__ is str:
        return value
    try:
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        return str(value)
    except Exception as error:  # noqa: BLE001 - any code may stand in __str__
        return f"<{type(value).__name__}: its text raised {type(error).__name__}>"


def as_plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return what JSON can hold of any value: the slow way, for values that the encoder refused."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= 64 else str(value)
    if depth == 0:
        return "[too deep]"
    if isinstance(value, dict):
        return {
            as_plain(key if isinstance(key, str) else as_text(key)): as_plain(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(item, depth - 1) for item in value]
    return as_plain(as_text(value), depth)
