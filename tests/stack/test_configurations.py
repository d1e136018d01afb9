"""Each file of collector-config/ is judged by the program that reads it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

HOME = Path(__file__).parents[2]
CONFIG = HOME / "collector-config"


def compose_file() -> dict[str, Any]:
    return dict(yaml.safe_load((CONFIG / "compose.yaml").read_text()))


def judged(*command: object, **variables: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PATTERNSPAN_ROOT": "/var/lib/app/state", **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["gateway.yaml", "agent.yaml"])
def test_the_collector_takes_its_configuration(programs: Path, name: str) -> None:
    """Every part that it names is in the distribution, and every option exists."""
    judged(programs / "otelcol", "validate", "--config", CONFIG / name)


def test_the_collector_finds_a_mistake(programs: Path, tmp_path: Path) -> None:
    """The judge can say no."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((CONFIG / "gateway.yaml").read_text().replace("memory_limiter", "memory_limitter"))
    with pytest.raises(AssertionError, match="memory_limitter"):
        judged(programs / "otelcol", "validate", "--config", wrong)


def test_jaeger_takes_its_configuration(programs: Path) -> None:
    """By its own check."""
    judged(programs / "jaeger", "validate", "--config", CONFIG / "jaeger.yaml")


def test_prometheus_takes_its_configuration(programs: Path) -> None:
    """By promtool."""
    assert "SUCCESS" in judged(programs / "promtool", "check", "config", CONFIG / "prometheus.yaml")


def test_the_compose_file_is_one(programs: Path) -> None:
    """By the schema that Docker's own client reads it with; loopback ports only, pinned images, health checks."""
    schema = json.loads((programs.parent / "share" / "compose-spec.json").read_text())
    compose = compose_file()
    assert [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(compose)] == []
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "healthcheck" in service or f"{name}-health" in compose["services"], name
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (CONFIG / source).exists(), volume


@pytest.mark.parametrize(("service", "program"), [("gateway", "otelcol"), ("jaeger", "jaeger")])
def test_the_containers_take_their_variables(programs: Path, service: str, program: str) -> None:
    """The files are valid in the environment that compose gives; what listens is what is asked and mapped."""
    told = compose_file()["services"][service]
    config = CONFIG / f"{service}.yaml"
    assert f"./{service}.yaml:{told['command'][0].removeprefix('--config=')}:ro" in told["volumes"]
    variables = {name: str(value) for name, value in told["environment"].items()}
    judged(programs / program, "validate", "--config", config, **variables)
    listening = re.findall(r":\$\{env:\w+_PORT:-(\d+)\}", config.read_text())
    mapped = [port.rpartition(":")[2] for port in told["ports"]]
    asked = re.findall(r"http://(?:127\.0\.0\.1|gateway):(\d+)", str(told.get("healthcheck", "gateway:13133")))
    assert {*mapped, *asked} <= {*listening}


def test_the_versions_are_those_that_are_tested() -> None:
    """The images are those of the programs that the other tests run, where there are such."""
    pinned = tomllib.loads((HOME / "scripts" / "stack.toml").read_text())
    images = {name: service["image"] for name, service in compose_file()["services"].items()}
    assert images["gateway"].rpartition(":")[2] == pinned["collector"]["builder"].removeprefix("v")
    (jaeger,) = re.findall(r"is Jaeger v([\d.]+)\n", (HOME / "scripts" / "stack.toml").read_text())
    assert images["jaeger"].rpartition(":")[2] == jaeger
