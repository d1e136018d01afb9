"""Each file of collector-config/ is judged by the program that reads it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

HOME = Path(__file__).parents[2]
CONFIG = HOME / "collector-config"


def judged(*command: object) -> str:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PATTERNSPAN_ROOT": "/var/lib/app/state"},
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
    compose = yaml.safe_load((CONFIG / "compose.yaml").read_text())
    assert [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(compose)] == []
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "healthcheck" in service, name
        assert ":latest" not in service["image"], name
        assert ":" in service["image"], name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (CONFIG / source).exists(), volume
