"""The programs of the stack, from package registries with their ordinary clients, below one folder.

Go modules are built where `go` keeps its caches as ever; Debian's package is unpacked, not installed: it needs no
root, and no service of it starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MANIFEST = ROOT / "collector-config" / "builder.yaml"
STAMPS = "installed.json"


class StackError(Exception):
    """What went wrong, and what to do next."""


def stack_folder() -> Path:
    """Return where the programs are: `PATTERNSPAN_STACK`, else `.stack` at the top of the project."""
    return Path(os.environ.get("PATTERNSPAN_STACK") or ROOT / ".stack").absolute()


def wanted() -> dict[str, str]:
    """Return the version of each program that is to be installed."""
    pinned = tomllib.loads((HERE / "stack.toml").read_text(encoding="utf-8"))
    parts = hashlib.sha256(MANIFEST.read_bytes()).hexdigest()[:12]
    return {
        "otelcol": f"{pinned['collector']['builder']} {parts}",
        "jaeger": pinned["jaeger"]["module"],
        "prometheus": pinned["prometheus"]["package"],
        "compose-spec.json": pinned["compose-schema"]["module"],
    }


def missing() -> list[str]:
    """Return the programs that are not there in the version that is wanted."""
    folder = stack_folder()
    stamps = _stamps(folder)
    return [name for name, version in wanted().items() if stamps.get(name) != version or not _is_there(folder, name)]


def install(say: Callable[[str], None] = print) -> None:
    """Install what is missing. Raises StackError."""
    folder = stack_folder()
    lacking = missing()
    for name, version in wanted().items():
        if name not in lacking:
            say(f"{name}: {version.split()[0]} is there")
            continue
        started = time.monotonic()
        say(f"{name}: installing {version.split()[0]}")
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        _INSTALLERS[name](folder, version.split()[0])
        stamps = _stamps(folder) | {name: version}
        (folder / STAMPS).write_text(json.dumps(stamps, indent=2) + "\n", encoding="utf-8")
        say(f"{name}: installed in {time.monotonic() - started:.0f} s")


def _stamps(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / STAMPS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _is_there(folder: Path, name: str) -> bool:
    return (folder / "bin" / name).exists() or (folder / "share" / name).exists()


def _run(*command: str | Path, folder: Path, **variables: str) -> str:
    """Run a command to its end and return what it printed. Raises StackError with the end of what it said."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise StackError(f"{words[0]}: no such program; {_NEEDED.get(words[0], 'install it')}") from None
    if done.returncode:
        end = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise StackError(f"{' '.join(words)}: exit code {done.returncode}\n{end}")
    return done.stdout


_NEEDED = {
    "go": "install Go 1.25 or newer (https://go.dev/dl)",
    "apt-get": "where there is no apt, use collector-config/compose.yaml",
    "dpkg-deb": "where there is no dpkg, use collector-config/compose.yaml",
}


def _otelcol(folder: Path, version: str) -> None:
    """Build the collector of builder.yaml by the collector's own builder."""
    _run(
        "go", "install", f"go.opentelemetry.io/collector/cmd/builder@{version}",
        folder=folder, GOBIN=str(folder / "bin"),
    )  # fmt: skip
    (folder / "build" / "otelcol").mkdir(parents=True, exist_ok=True)
    _run(folder / "bin" / "builder", "--config", MANIFEST, folder=folder)
    os.replace(folder / "build" / "otelcol" / "otelcol", folder / "bin" / "otelcol")


def _jaeger(folder: Path, version: str) -> None:
    """Build Jaeger in a module of its own, which gives it the versions of its own go.mod."""
    module = folder / "build" / "jaeger"
    shutil.rmtree(module, ignore_errors=True)
    module.mkdir(parents=True)
    package = "github.com/jaegertracing/jaeger/cmd/jaeger"
    _run("go", "mod", "init", "jaeger", folder=module)
    _run("go", "get", "-tool", f"{package}@{version}", folder=module)
    _run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", folder / "bin" / "jaeger", package, folder=module)


def _prometheus(folder: Path, version: str) -> None:
    """Unpack Prometheus and promtool from Debian's package."""
    exact = _offered(folder, version)
    if exact is None and os.geteuid() == 0:
        _run("apt-get", "update", "-q", folder=folder)
        exact = _offered(folder, version)
    if exact is None:
        raise StackError(
            f"prometheus: apt offers no {version}; run `apt-get update`, and look with `apt-cache madison prometheus` "
            "which version there is for scripts/stack.toml"
        )
    with tempfile.TemporaryDirectory(dir=folder) as place:
        # As root, apt downloads as a user of its own, who may not look into this folder: it then says so and goes on.
        _run("apt-get", "download", "-q", f"prometheus={exact}", folder=Path(place))
        (package,) = Path(place).glob("prometheus_*.deb")
        _run("dpkg-deb", "-x", package, "unpacked", folder=Path(place))
        for name in ("promtool", "prometheus"):
            os.replace(Path(place) / "unpacked" / "usr" / "bin" / name, folder / "bin" / name)


def _offered(folder: Path, version: str) -> str | None:
    found = re.findall(
        r"^\s*prometheus \| (\S+) \|", _run("apt-cache", "madison", "prometheus", folder=folder), re.MULTILINE
    )
    return next((exact for exact in found if re.split(r"[+~-]", exact)[0] == version), None)


def _compose_schema(folder: Path, version: str) -> None:
    """Take the schema of compose files from the module that Docker's own client reads them with."""
    module = f"github.com/compose-spec/compose-go/v2@{version}"
    said = json.loads(_run("go", "mod", "download", "-json", module, folder=folder))
    (folder / "share").mkdir(exist_ok=True)
    schema = Path(said["Dir"]) / "schema" / "compose-spec.json"
    (folder / "share" / "compose-spec.json").write_bytes(schema.read_bytes())


_INSTALLERS: dict[str, Callable[[Path, str], None]] = {
    "otelcol": _otelcol,
    "jaeger": _jaeger,
    "prometheus": _prometheus,
    "compose-spec.json": _compose_schema,
}
