"""Secrets out of details, before any sink: by member name and by shape. A rule that raises withholds the value.

A value is replaced by `[redacted:KIND]`, so that a reader sees that something was there and of what kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final

Redact = Collection[str] | Callable[[str, Any], Any]
"""Further member names to withhold, or a function (member name, value) -> the value to write."""

_WITHHELD_NAMES: Final = (
    r"pass(?:wd|word|phrase|code)|secret|(?<!n)token(?!s)|api_?key|access_?key|private_?key|signing_?key|encryption_?key"
    r"|credential|authorization|cookie|(?:^|_)(?:pwd|pw|auth)$|session_?id|connection_?string"
)
_NAME: Final = (
    r"(?:[A-Za-z0-9]{1,32}[_-]){0,4}(?:pass(?:wd|word|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|credentials?|auth)(?:[_-](?:key|id|value))?"
)
# Kind, shape, and what stays of the text. Each repetition is bounded or over one class, so that the time is linear.
_SHAPES: Final = (
    ("private_key", r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", ""),
    ("aws_key", r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b", ""),
    ("github_token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})", ""),
    ("gitlab_token", r"\bglpat-[A-Za-z0-9_-]{16,255}", ""),
    ("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,255}", ""),
    ("google_key", r"\bAIza[A-Za-z0-9_-]{35}", ""),
    ("api_key", r"\b(?:sk|rk|pk)[-_](?:live_|test_|ant-|proj-)?[A-Za-z0-9_-]{20,255}", ""),
    ("package_token", r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{32,255}|hf_[A-Za-z0-9]{30,255})", ""),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{5,4096}\.[A-Za-z0-9_-]{5,4096}(?:\.[A-Za-z0-9_-]{0,4096})?", ""),
    ("url_password", r"(?<=://)[^\s/@:\"']{0,256}:[^\s/@\"']{1,256}(?=@)", ""),
    ("authorization", r"(?i)\b(bearer|basic)(\s{1,4})[A-Za-z0-9+/=._~-]{8,4096}", r"\1\2"),
    (
        "named",
        r"(?i)(?<![A-Za-z0-9])(-{0,2}" + _NAME + r")(\"?\s{0,3}[=:]\s{0,3}|\s{1,3}(?<=[^\S\n]))"
        r"(?!\[redacted:)(?:\"([^\"\n]{1,1024})\"|'([^'\n]{1,1024})'|([^\s\"'&;,]{1,1024}))",
        "",
    ),
)
# Text without one of these holds no shape above.
_HINTS: Final = (
    r"pass|pwd|secret|token|key|cred|auth|akia|asia|agpa|aida|aroa|gh[pousr]_|github_pat|glpat|xox"
    r"|aiza|[srp]k[-_]|npm_|pypi-|hf_|eyj|://[^/\s]{0,512}@|bearer|basic"
)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compile when first needed: that is too slow for the import of the package."""
    return re.compile(expression, re.IGNORECASE if expression is _WITHHELD_NAMES else 0)


_OURS: Final = frozenset({"selection_method", "result", "error_type"})
"""Members of details that hold words of ours, never data of the caller's."""
_CACHED_CHARS: Final = 256
_DEPTH: Final = 32


def redact_text(text: str) -> str:
    """Return `text` with everything that has the shape of a secret replaced."""
    if _compiled(_HINTS).search(text.lower()) is None:
        return text
    for kind, shape, keep in _SHAPES:
        text = _compiled(shape).sub(_named if kind == "named" else f"{keep}[redacted:{kind}]", text)
    return text


def _named(match: re.Match[str]) -> str:
    name, separator = match[1], match[2]
    if separator.isspace() and not name.startswith("-"):
        # "token expired" is prose; "--token VALUE" is an option.
        return match[0]
    return f"{name}{separator}[redacted:named]"


def is_secret_name(name: str) -> bool:
    """Say whether a member of this name is withheld whatever it holds."""
    return _compiled(_WITHHELD_NAMES).search(name.replace("-", "_").replace(" ", "_")) is not None


_clean_texts: Final[set[str]] = set()
"""Short texts that hold no secret, so that those which come again cost one look-up; bounded by `_MOST_CLEAN`."""
_clean_names: Final[set[str]] = set()
"""Member names that withhold nothing."""
_MOST_CLEAN: Final = 8192


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
    return {name: _redact_value(name, value, _DEPTH) for name, value in details.items()}


def _redact_value(name: str, value: Any, depth: int) -> Any:
    kind = type(value)
    if name not in _clean_names:
        if is_secret_name(name):
            return value if value is None or kind is bool or kind is int or kind is float else "[redacted:name]"
        _remember(_clean_names, name)
    if kind is str:
        clean = redact_text(value)
        if clean == value and len(value) <= _CACHED_CHARS:
            _remember(_clean_texts, value)
        return clean
    if kind is int or kind is float or kind is bool or value is None:
        return value
    if depth == 0:
        return "[too deep]"
    if isinstance(value, dict):
        return {_key(key): _redact_value(_key(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redact_value(name, item, depth - 1) for item in value]
    return redact_text(as_text(value))


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
            return _withheld(value, "[redacted:name]", top=True) if top else "[redacted:name]"
    except Exception as error:  # noqa: BLE001 - fail closed: what could not be judged is withheld
        return _withheld(value, f"[redacted:{type(error).__name__}]", top=top)
    return _redact_value(name, value, _DEPTH) if is_secret_name(name) else _redact_inside(also, name, value)


def _redact_inside(also: Redact, name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _redact_with(also, _key(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redact_inside(also, name, item) for item in value]
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
