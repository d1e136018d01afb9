"""Starting and ending the programs of the stack, with their files, ports and logs in one folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
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
    """Return a free port for each purpose."""
    with contextlib.ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in DEFAULT_PORTS}
        for one in sockets.values():
            one.bind(("127.0.0.1", 0))
        return {name: one.getsockname()[1] for name, one in sockets.items()}


@dataclasses.dataclass
class Stack:
    """One running stack: its ports, its folder, and the ids of its processes."""

    folder: Path
    ports: dict[str, int]
    pids: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path | None = None, *, free_ports: bool = False) -> Stack:
        """Return a stack that is not started; in `.stack/run` unless another folder is named."""
        ports = _free_ports() if free_ports else dict(DEFAULT_PORTS)
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
        try:
            for name in ("jaeger", "collector", "prometheus"):
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
        while not _answers(health):
            if process.poll() is not None or time.monotonic() > end:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                raise StackError(f"{name} did not become healthy; {log} ends with\n{last}")
            time.sleep(0.1)

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """End one program and wait for it."""
        pid = self.pids.pop(name, 0)
        if not pid:
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
        (stack_folder() / "run" / "running.json").unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Say whether all three run."""
        return len(self.pids) == 3 and all(_lives(pid) for pid in self.pids.values())

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
        """Keep what runs, for `down` and `status`."""
        place = stack_folder() / "run" / "running.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"folder": str(self.folder), "ports": self.ports, "pids": self.pids}))

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


def saved() -> Stack | None:
    """Return the stack that `up` has started, running or not."""
    try:
        kept = json.loads((stack_folder() / "run" / "running.json").read_text())
        return Stack(Path(kept["folder"]), kept["ports"], kept["pids"])
    except (OSError, ValueError, KeyError):
        return None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
