"""One labelled case, and how templates become cases."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

Maker = Callable[[random.Random], str]


class Case(NamedTuple):
    """A value, the secrets in it (none in a look-alike) and what must survive beside them."""

    kind: str
    value: Any
    secrets: tuple[str, ...]
    keeps: tuple[str, ...] = ()


def filled(value: Any, parts: dict[str, str]) -> Any:
    """Return a template with its parts put in: texts, lists and objects, also in keys."""
    if isinstance(value, str):
        for name, part in parts.items():
            value = value.replace(f"<{name}>", part)
        return value
    if isinstance(value, dict):
        return {filled(key, parts): filled(item, parts) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(item, parts) for item in value]
    return value


def cases(
    kind: str, templates: Iterable[Any], makers: Iterable[Maker], rng: random.Random, each: int = 1
) -> Iterator[Case]:
    """Yield a case for each template and maker; `<S>` is the secret, `<U>`, `<H>` and `<N>` are user, host and number."""
    listed = list(makers)
    for template in templates:
        for maker in listed:
            for _ in range(each):
                secret = maker(rng)
                parts = {"S": secret, "U": user(rng), "H": host(rng), "N": str(rng.randint(2, 900))}
                keeps = tuple(parts[name] for name in ("H",) if f"<{name}>" in str(template))
                yield Case(kind, filled(template, parts), (secret,), keeps)


def lookalikes(kind: str, templates: Iterable[Any], rng: random.Random, makers: Iterable[Maker] = ()) -> Iterator[Case]:
    """Yield a case for each template (and maker) in which nothing is to be withheld."""
    listed = list(makers) or [lambda _: ""]
    for template in templates:
        for maker in listed:
            parts = {"S": maker(rng), "U": user(rng), "H": host(rng), "N": str(rng.randint(2, 900))}
            yield Case(kind, filled(template, parts), ())


_USERS = "ada bob carol deploy svc_build root admin app_user jenkins grace".split()
_HOSTS = "db.internal cache-01.example.net 10.2.3.4 localhost api.example.com build7.corp.example registry.example.org".split()


def user(rng: random.Random) -> str:
    return rng.choice(_USERS)


def host(rng: random.Random) -> str:
    return rng.choice(_HOSTS)
