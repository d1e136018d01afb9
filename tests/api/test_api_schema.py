"""Every route asked by its own OpenAPI, with what fits it and what does not: no answer is a fault of the server's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from logs import RunMaker, good_run
from patternspan.api import create_app
from patternspan.layout import tool_log
from served import BASE, append

CASES = 750
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip

_folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
_root = Path(_folder.name)
_failed = RunMaker(2).begin()
_failed.add("execution.failed", "failed", exit_code=1, error_type="E", error_message="no", result="failure")
append(_root, good_run(1), _failed.events)
_output = Path(tool_log(str(_root), good_run(1)[0].pattern_run_id, "stdout"))
_output.parent.mkdir(parents=True)
_output.write_text("fine\n" * 100)
app = create_app(_root)
schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers={"Host": "127.0.0.1"})
real = {
    "job_id": good_run(1)[0].job_id,
    "pattern_run_id": good_run(1)[0].pattern_run_id,
    "other_id": _failed.run_id,
    "pattern_id": good_run(1)[0].pattern_id,
}


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    app.state.feed.close()
    _folder.cleanup()


@schema.exclude(path=["/api/stream"]).parametrize()
@settings(
    max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
def test_no_question_is_a_fault(case: Any) -> None:
    """And what is answered is what the description says; half of the questions are about what is there."""
    for name in case.path_parameters or {}:
        if name in real and len(str(case.path_parameters[name])) % 2:
            case.path_parameters[name] = real[name]
    if case.query and case.query.get("follow"):
        case.query["follow"] = "false"
    case.call_and_validate(base_url=BASE, headers={"Host": "127.0.0.1:8321"}, checks=CHECKS)


def test_so_many_questions_are_asked() -> None:
    """Ten thousand, of all routes but the streams, which end when somebody goes."""
    routes = list(schema.exclude(path=["/api/stream"]).get_all_operations())
    assert len(routes) == 14
    assert len(routes) * CASES > 10_000


def test_every_route_is_described() -> None:
    """With a summary, an answer in an example, and every parameter's meaning or a name that has one."""
    body = app.openapi()
    for path, methods in body["paths"].items():
        for route in methods.values():
            assert route["summary"], path
            (content,) = route["responses"]["200"]["content"].values()
            reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            assert "example" in content or "examples" in body["components"]["schemas"][reference], path
