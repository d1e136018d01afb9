"""Starting and ending the programs of the stack, with their files, ports and logs in one folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from stack_install import ROOT, StackError, stack_folder

CONFIG = ROOT / "collector-config"
SECONDS = 60.0
"""How long a program may take until it is healthy."""
PROGRAMS = ("jaeger", "collector", "prometheus")
"""In the order in which they are started."""
DEFAULT_PORTS = {
    "OTLP_GRPC_PORT": 4317,
    "OTLP_HTTP_PORT": 4318,
    "HEALTH_PORT": 13133,
    "METRICS_PORT": 8889,
    "TELEMETRY_PORT": 8888,
    "JAEGER_OTLP_PORT": 14317,
    "JAEGER_QUERY_PORT": 16686,
    "JAEGER_QUERY_GRPC_PORT": 16685,
    "JAEGER_HEALTH_PORT": 13134,
    "PROMETHEUS_PORT": 9090,
}


def free_ports() -> dict[str, int]:
    """Return a free port for each purpose.

    They are below those that the system gives to connections of its own, or one of these might take a port before the
    program that it is meant for.
    """
    chosen: set[int] = set()
    while len(chosen) < len(DEFAULT_PORTS):
        port = random.randrange(15000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            chosen.add(port)
    return dict(zip(DEFAULT_PORTS, chosen, strict=True))


def _usual_ports() -> dict[str, int]:
    """Return the ports that the environment names, else the programs' own. Raises StackError."""
    ports = {}
    for name, usual in DEFAULT_PORTS.items():
        text = os.environ.get(name) or str(usual)
        if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
            raise StackError(f"{name}={text!r}: a port is wanted, 1 to 65535")
        ports[name] = int(text)
    return ports


def _refuse_taken(ports: dict[str, int]) -> None:
    """Raise StackError where something listens already: its answers would be taken for our program's."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise StackError(
                    f"port {port}: {error.strerror}; give {name} another, or all with STACK_PORTS=free"
                ) from None


@dataclasses.dataclass
class Stack:
    """One running stack: its ports, its folder, and the ids of its processes."""

    folder: Path
    ports: dict[str, int]
    pids: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path | None = None, *, free_ports: bool = False) -> Stack:
        """Return a stack that is not started; in `.stack/run` unless another folder is named."""
        ports = _free_ports() if free_ports else _usual_ports()
        return cls((folder or stack_folder() / "run").absolute(), ports)

    @property
    def otlp(self) -> dict[str, str]:
        """The variables that send a program's telemetry here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.ports['OTLP_GRPC_PORT']}"}

    @property
    def jaeger(self) -> str:
        """Where Jaeger answers queries."""
        return f"http://127.0.0.1:{self.ports['JAEGER_QUERY_PORT']}"

    @property
    def prometheus(self) -> str:
        """Where Prometheus answers queries."""
        return f"http://127.0.0.1:{self.ports['PROMETHEUS_PORT']}"

    @property
    def audit(self) -> Path:
        """The file of OTLP JSON that the collector writes."""
        return self.folder / "collector" / "audit" / "traces.jsonl"

    def up(self) -> None:
        """Start all, and wait until they are healthy. Raises StackError, and ends what was started."""
        _refuse_taken(self.ports)
        try:
            for name in PROGRAMS:
                self.start(name)
        except BaseException:
            self.down()
            raise

    def start(self, name: str) -> None:
        """Start one program and wait until it is healthy. Raises StackError with the end of its log."""
        command, health = getattr(self, f"_{name}")()
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}.log"
        variables = {key: str(port) for key, port in self.ports.items()}
        variables |= {
            "COLLECTOR_STATE": str(self.folder / "collector"),
            "JAEGER_ENDPOINT": f"127.0.0.1:{self.ports['JAEGER_OTLP_PORT']}",
        }
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.pids[name] = process.pid
        end = time.monotonic() + SECONDS
        while not answers(health):
            if process.poll() is not None or time.monotonic() > end:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                raise StackError(f"{name} did not become healthy; {log} ends with\n{last}")
            time.sleep(0.1)

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End one program and wait for it."""
        pid = self.pids.pop(name, 0)
        if not pid or not _lives(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        end = time.monotonic() + 20
        while _lives(pid):
            if time.monotonic() > end:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    def down(self) -> None:
        """End all that runs."""
        for name in reversed(list(self.pids)):
            self.stop(name)

    def running(self) -> list[str]:
        """Return the programs that run."""
        return [name for name, pid in self.pids.items() if _lives(pid)]

    def states(self) -> dict[str, str]:
        """Return what each program does."""
        return {name: f"runs, process {pid}" if _lives(pid) else "has ended" for name, pid in self.pids.items()}

    def told(self) -> str:
        """Return where things are, for people."""
        ports = self.ports
        return "\n".join(
            (
                f"OTLP         127.0.0.1:{ports['OTLP_GRPC_PORT']} (grpc), :{ports['OTLP_HTTP_PORT']} (http/protobuf)",
                f"Jaeger       {self.jaeger}",
                f"Prometheus   {self.prometheus}",
                f"audit file   {self.audit}",
                f"send there   export OTEL_EXPORTER_OTLP_ENDPOINT={self.otlp['OTEL_EXPORTER_OTLP_ENDPOINT']}",
            )
        )

    def save(self) -> None:
        """Keep what was started, for `down` and `status`."""
        place = _saved_at()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"folder": str(self.folder), "ports": self.ports, "pids": self.pids}))

    @staticmethod
    def forget() -> None:
        """Remove what `save` has kept."""
        _saved_at().unlink(missing_ok=True)

    def _collector(self) -> tuple[list[str], str]:
        command = [str(stack_folder() / "bin" / "otelcol"), "--config", str(CONFIG / "gateway.yaml")]
        return command, f"http://127.0.0.1:{self.ports['HEALTH_PORT']}/"

    def _jaeger(self) -> tuple[list[str], str]:
        command = [str(stack_folder() / "bin" / "jaeger"), "--config", str(CONFIG / "jaeger.yaml")]
        return command, f"{self.jaeger}/api/services"

    def _prometheus(self) -> tuple[list[str], str]:
        text = (CONFIG / "prometheus.yaml").read_text()
        for name, port in (("8889", "METRICS_PORT"), ("8888", "TELEMETRY_PORT")):
            text = text.replace(f"gateway:{name}", f"127.0.0.1:{self.ports[port]}")
        text = text.replace("scrape_interval: 5s", "scrape_interval: 1s").replace(
            "scrape_timeout: 4s", "scrape_timeout: 1s"
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "prometheus.yaml").write_text(text)
        command = [
            str(stack_folder() / "bin" / "prometheus"),
            f"--config.file={self.folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.ports['PROMETHEUS_PORT']}",
            "--enable-feature=exemplar-storage",
        ]
        return command, f"{self.prometheus}/-/ready"


_free_ports: Callable[[], dict[str, int]] = free_ports


def _saved_at() -> Path:
    return stack_folder() / "run" / "running.json"


def saved() -> Stack | None:
    """Return the stack that `up` has started, running or not."""
    try:
        kept = json.loads(_saved_at().read_text())
        return Stack(Path(kept["folder"]), kept["ports"], kept["pids"])
    except (OSError, ValueError, KeyError):
        return None


def answers(url: str) -> bool:
    """Say whether there is an answer, and a good one."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _lives(pid: int) -> bool:
    """Say whether one of our programs runs as this process: its id may be another program's meanwhile."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    with contextlib.suppress(OSError):
        # Empty for a process that has ended and that nobody has waited for.
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(os.fsencode(stack_folder() / "bin"))
    return False
