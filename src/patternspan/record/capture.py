"""Arguments and results -> bounded details. Nothing is taken unless it was asked for."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Any, Final

from patternspan.layout import ARTIFACTS
from patternspan.record import guard
from patternspan.record.hub import hub
from patternspan.record.redact import as_text, redact_text

Capture = bool | Collection[str]
"""False: nothing. True: every argument. Names: those arguments."""

_SELF: Final = frozenset({"self", "cls"})
_MOST_ITEMS: Final = 200
_LONGEST_SECRET: Final = 16_384
"""The longest text that one of the shapes in redact.py stands for, but for those that reach to the end."""
_MOST_IN_ALL: Final = 10_000
_DEPTH: Final = 6


_truncated = 0


def count_truncated() -> None:
    """Count one value that was cut."""
    # Two threads may meet here and one of them not be counted: a lock would cost more than the figure is worth.
    global _truncated
    _truncated += 1


def truncated() -> int:
    """Return how many values were cut in this process; a forked child begins at nothing."""
    return _truncated


def _forget_truncated() -> None:
    global _truncated
    _truncated = 0


os.register_at_fork(after_in_child=_forget_truncated)


def cut_mark(text: str) -> str:
    """Return what stands behind the beginning of a text that was cut: the size and the SHA-256 of the whole."""
    from hashlib import sha256  # loads OpenSSL, which an import can do without

    count_truncated()
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    whole = _kept(text) if hub.keep_whole else ""
    return f"… [cut: {len(text)} characters, sha256:{digest}{whole}]"


def _kept(text: str) -> str:
    """Write the redacted whole of a text to a file of its own, once, and return how the mark names it."""
    from hashlib import sha256

    try:
        data = redact_text(text).encode("utf-8", "surrogateescape")
        name = f"{sha256(data).hexdigest()}.txt"
        folder = os.path.join(hub.root, ARTIFACTS)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            # Complete under its name or not there: somebody may read it as soon as the mark is written.
            part = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            with open(os.open(part, flags, 0o600), "wb") as file:
                file.write(data)
            os.replace(part, path)
    except (OSError, ValueError) as error:
        guard.fault("artifact", error)
        return ""
    return f", whole: {ARTIFACTS}/{name}"


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters and marked with its full size and SHA-256 where it is longer."""
    return text if len(text) <= limit else text[:limit] + cut_mark(text)


def redacted(text: str, limit: int) -> str:
    """Return `text` without secrets, then cut to `limit` characters: a cut never leaves half of one.

    Of a long text only as much is looked at as may be kept, and as no secret reaches beyond.
    """
    if len(text) <= limit + 2 * _LONGEST_SECRET:
        clean = redact_text(text)
        return clean if len(clean) <= limit else clean[:limit] + cut_mark(text)
    head = redact_text(text[: limit + 2 * _LONGEST_SECRET])[:-_LONGEST_SECRET]
    return head[:limit] + cut_mark(text)


def bounded(value: Any, limit: int, depth: int = _DEPTH, room: list[int] | None = None) -> Any:
    """Return a plain copy of a value: six levels deep, 200 members a level wide, 10,000 members in all at most.

    Text is redacted before it is cut, so that a cut never leaves half a secret that no rule knows any more.
    What cannot be read is named instead; nothing is raised.
    """
    kind = type(value)
    if kind is str:
        return value if len(value) <= limit else redacted(value, limit)
    if value is None or kind is int or kind is float or kind is bool:
        return value
    try:
        if kind is dict or isinstance(value, Mapping):
            return _bounded_mapping(value, limit, depth - 1, room or [_MOST_IN_ALL])
        if isinstance(value, (list, tuple, set, frozenset)):
            return _bounded_items(value, limit, depth - 1, room or [_MOST_IN_ALL])
    except Exception as error:  # noqa: BLE001 - a container of the caller's may do anything
        return f"<{kind.__name__}: reading it raised {type(error).__name__}>"
    return redacted(as_text(value), limit)


def bounded_members(members: Any, limit: int) -> dict[str, Any]:
    """Return a mapping as `bounded` does; one that cannot be read as the one member `value`."""
    found = bounded(members, limit)
    return found if isinstance(found, dict) else {"value": found}


def _bounded_mapping(value: Mapping[Any, Any], limit: int, depth: int, room: list[int]) -> Any:
    size = len(value)
    room[0] -= size if size < _MOST_ITEMS else _MOST_ITEMS  # noqa: FURB136 - `min` costs a call
    if depth < 0 or room[0] < 0:
        count_truncated()
        return f"[mapping of {size}]"
    members = {}
    for key, item in value.items() if size <= _MOST_ITEMS else islice(value.items(), _MOST_ITEMS):
        kind = item.__class__
        # The common ones without a call.
        plain = kind is int or kind is float or (kind is str and len(item) <= limit)
        name = key if key.__class__ is str else as_text(key)
        members[name if len(name) <= limit else redacted(name, limit)] = (
            item if plain else bounded(item, limit, depth, room)
        )
    if size > _MOST_ITEMS:
        count_truncated()
        members["…"] = f"[{size - _MOST_ITEMS} more]"
    return members


def _bounded_items(value: Collection[Any], limit: int, depth: int, room: list[int]) -> Any:
    size = len(value)
    room[0] -= min(size, _MOST_ITEMS)
    if depth < 0 or room[0] < 0:
        count_truncated()
        return f"[{type(value).__name__} of {size}]"
    items = [bounded(item, limit, depth, room) for item in islice(value, _MOST_ITEMS)]
    if size <= _MOST_ITEMS:
        return items
    count_truncated()
    return [*items, f"[{size - _MOST_ITEMS} more]"]


class ArgumentReader:
    """Reads a call's arguments by name. The signature is read once, when the executor is decorated."""

    def __init__(self, function: Callable[..., Any], capture: Capture) -> None:
        self._wanted = None if isinstance(capture, bool) else frozenset(capture)
        self._positional: list[str] = []
        self._defaults: dict[str, Any] = {}
        self._rest = "args"
        self._read_signature(function)

    def _read_signature(self, function: Callable[..., Any]) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            return  # some built-ins have no signature; their arguments are then named by position
        for parameter in parameters:
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                self._positional.append(parameter.name)
            elif parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = parameter.name
            if parameter.default is not parameter.empty:
                self._defaults[parameter.name] = parameter.default

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any], limit: int) -> dict[str, Any]:
        """Return the wanted arguments of one call, defaults included."""
        values = dict(zip(self._positional, args, strict=False))
        if len(args) > len(self._positional):
            values[self._rest] = args[len(self._positional) :]
        values.update(kwargs)
        values.update((name, value) for name, value in self._defaults.items() if name not in values)
        return {
            name: bounded(value, limit)
            for name, value in values.items()
            if (name in self._wanted if self._wanted is not None else name not in _SELF)
        }
