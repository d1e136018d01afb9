"""Where the environment sends spans by OTLP, as the specification of the exporters has it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

GRPC: Final = "grpc"
HTTP: Final = "http/protobuf"
PATH: Final = "/v1/traces"
"""Where OTLP over HTTP takes traces."""
PORTS: Final = {GRPC: 4317, HTTP: 4318}
"""The protocols that there are exporters for, and their usual ports."""
_GENERAL: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Target(NamedTuple):
    """Where spans go."""

    variable: str
    """The variable that says so; empty where none does and the default holds."""
    url: str
    protocol: str
    headers: Mapping[str, str]

    @property
    def shown(self) -> str:
        """The variable and its value, as messages begin."""
        return f"{self.variable}={self.url}" if self.variable else f"the default {self.url}"

    @property
    def key(self) -> str:
        """What tells this endpoint from others."""
        return f"{self.protocol} {self.url}"


def target() -> Target:
    """Return where spans go in this environment."""
    protocol = setting("PROTOCOL")[1].lower() or GRPC
    variable, url = setting("ENDPOINT")
    url = url or f"http://localhost:{PORTS.get(protocol, 4317)}"
    if protocol == HTTP and variable in {"", _GENERAL}:
        url = url.rstrip("/") + PATH
    headers = setting("HEADERS")[1]
    if not headers:
        return Target(variable, url, protocol, {})
    from opentelemetry.util.re import parse_env_headers

    return Target(variable, url, protocol, parse_env_headers(headers, liberal=True))


def setting(name: str, signal: str = "TRACES") -> tuple[str, str]:
    """Return the variable of a signal, else that of all signals, and what it says; two empty texts where none does."""
    for variable in (f"OTEL_EXPORTER_OTLP_{signal}_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        text = os.environ.get(variable, "").strip()
        if text:
            return variable, text
    return "", ""
