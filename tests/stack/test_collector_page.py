"""docs/collector.md: its commands run, with ports and folders of the test, and its tables are those of the files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from stack_answers import eventually, fetched
from stack_spans import sent, trace_id

from patternspan import read_events
from stack_run import CONFIG, DEFAULT_PORTS, Stack, answers, free_ports

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "collector.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DOCKER, LAPTOP, GATEWAY, AGENT, IMPORT = BLOCKS


def environment(place: Path) -> dict[str, str]:
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return {
        **os.environ, "PATH": path, "PATTERNSPAN_STACK": str(place), "STACK_PORTS": "free",
        "PATTERNSPAN_ROOT": str(place / "state"),
    }  # fmt: skip


@pytest.fixture
def place(programs: Path, tmp_path: Path) -> Path:
    """A folder with the installed programs, in the place of `.stack`."""
    for name in ("bin", "share", "installed.json"):
        (tmp_path / name).symlink_to(programs.parent / name)
    return tmp_path


def moved(block: str, place: Path) -> str:
    """Return a block with the folders of this test."""
    return block.replace(".stack/", f"{place}/").replace("/var/lib/", f"{place}/").replace("/srv/app", str(place))


def test_the_laptop(place: Path) -> None:
    """The night of jobs arrives, and the audit file becomes a log again."""
    told = f'export OTEL_EXPORTER_OTLP_ENDPOINT=$(sed -n "s/.*export .*=//p" {place}/told)'
    script = LAPTOP.replace("scripts/stack up", f"scripts/stack up > {place}/told")
    script = re.sub(r"^export OTEL_EXPORTER_OTLP_ENDPOINT=.*$", told, script, flags=re.MULTILINE)
    assert told in script
    script += moved(IMPORT, place).replace("--root elsewhere", f"--root {place}/elsewhere")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=HOME, env=environment(place), capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sent = {event.event_id: event for event in read_events(place / "state")}
    assert len({event.pattern_run_id for event in sent.values()}) == 300
    assert {event.event_id: event for event in read_events(place / "elsewhere")} == sent


@pytest.mark.parametrize("block", [GATEWAY, AGENT], ids=["gateway", "agent"])
def test_one_program(place: Path, block: str) -> None:
    """It becomes healthy, and ends when it is told to."""
    ports = free_ports()
    variables = environment(place) | {name: str(port) for name, port in ports.items()}
    *settings, command = moved(block, place).splitlines()
    script = "\n".join([*settings, f"exec {command}"])
    process = subprocess.Popen(["bash", "-c", script], cwd=HOME, env=variables, stderr=subprocess.PIPE, text=True)
    healthy = eventually(lambda: process.poll() is not None or answers(f"http://127.0.0.1:{ports['HEALTH_PORT']}/"))
    process.terminate()
    _, said = process.communicate(timeout=20)
    assert healthy is True, said
    # It is healthy a moment before it heeds signals.
    assert process.returncode in {0, -signal.SIGTERM}, said


def test_the_compose_file_is_where_the_page_says() -> None:
    """Docker itself is not asked."""
    (named,) = re.findall(r"docker compose -f (\S+) up -d", DOCKER)
    assert (HOME / named).is_file()


def test_every_variable_of_the_files_is_in_the_table() -> None:
    """And no other, each with the files that read it, and with its port."""
    files = {path.stem: path.read_text() for path in CONFIG.glob("*.yaml")}
    used = {
        name: {stem for stem, text in files.items() if f"env:{name}" in text}
        for text in files.values()
        for name in re.findall(r"\$\{env:(\w+)", text)
    }
    table = PAGE.partition("| variable | file |")[2].partition("\n## ")[0]
    told: dict[str, set[str]] = {}
    for names, stems, meaning in re.findall(r"^\| (`.*?`) \| ([\w, ]+) \| (.*) \|$", table, re.MULTILINE):
        listed = re.findall(r"`(\w+)`", names)
        told |= {name: set(used[name] if stems == "all" else stems.split(", ")) for name in listed}
        ports = [str(DEFAULT_PORTS[name]) for name in listed if name in DEFAULT_PORTS]
        assert ports == re.findall(r"\b\d{4,5}\b", meaning)
    assert told == used


def test_every_file_is_in_the_table() -> None:
    """The first table is that of the folder."""
    table = PAGE.partition("| file | what it is |")[2].partition("\n## ")[0]
    assert {*re.findall(r"`([\w.-]+\.yaml)`", table)} == {path.name for path in CONFIG.glob("*.yaml")}


def test_every_sign_is_one_that_the_gateway_gives(stack: Stack) -> None:
    """The collector's own metrics that the page names are in Prometheus, once the first span has come."""
    named = set(re.findall(r"`(otelcol_\w+)`", PAGE))
    assert named
    sent(stack, trace_id(), {"name": "the first"})
    names = f"{stack.prometheus}/api/v1/label/__name__/values"
    assert eventually(lambda: named <= set(fetched(names)["data"]))


def test_no_batch_processor() -> None:
    """As the page says, and why."""
    for name in ("gateway.yaml", "agent.yaml"):
        pipelines = yaml.safe_load((CONFIG / name).read_text())["service"]["pipelines"]
        assert not any("batch" in pipeline["processors"] for pipeline in pipelines.values())
