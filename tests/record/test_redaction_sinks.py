"""Secrets in what is no details: exceptions, span attributes, resources, baggage, ids, spans of other code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as otel_context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from patternspan import PatternJsonlExporter, child_environment, emit_pattern_event, job, pattern_span, step

SECRET = "x9Kd72LmQpVt"
TOKEN = "gh" + "p_" + "a1B2" * 9


def test_an_exception_reaches_no_sink_with_its_connection_string(root: Path, written: Any, spans: Any) -> None:
    """Not in the line, not in the span's status, message or stack."""
    with pytest.raises(RuntimeError), pattern_span("PAT-RED-201"):
        raise RuntimeError(f"cannot reach amqp://svc:{SECRET}@mq:5672 with Server=mq;Password={SECRET};")
    assert SECRET.encode() not in encode_spans(spans()).SerializeToString()
    assert written()[-1].details["error_message"] == (
        "cannot reach amqp://svc:[redacted:url_password]@mq:5672 with Server=mq;Password=[redacted:password];"
    )


def test_attributes_and_names_of_spans_hold_no_secret(root: Path, spans: Any) -> None:
    """Those of runs, jobs and steps."""
    given = {"db.password": SECRET, "team": "a", "flags": ("--token", SECRET)}
    with job(name=f"nightly {TOKEN}", attributes=given), step(attributes=given):
        with pattern_span("PAT-RED-202", attributes=given):
            pass
    found = spans()
    assert len(found) == 3
    assert [span.attributes["db.password"] for span in found] == ["[redacted:password]"] * 3
    assert [span.attributes["flags"] for span in found] == [("--token", "[redacted:token]")] * 3
    assert found[-1].name == "pattern.job nightly [redacted:github_token]"


def test_an_id_with_a_secret_in_it_stays_an_id_of_its_own(root: Path, written: Any) -> None:
    """Marked with the beginning of the secret's hash: the same id again is the same, another is another."""
    seen = []
    for token in (TOKEN, TOKEN, TOKEN[:-1] + "x"):
        with job(f"JOB-{token}"), pattern_span("PAT-RED-203"):
            pass
        seen.append(written()[-1].job_id)
    assert seen[0] == seen[1] != seen[2]
    assert [name.partition(":")[0] for name in seen] == ["JOB-[redacted"] * 3
    assert TOKEN.encode() not in b"".join(path.read_bytes() for path in root.rglob("*.jsonl"))


def test_baggage_for_a_child_holds_no_secret(root: Path) -> None:
    """Other entries go on."""
    context = baggage.set_baggage("api_key", SECRET, baggage.set_baggage("team", "a"))
    token = otel_context.attach(context)
    try:
        carried = child_environment({})["BAGGAGE"]
    finally:
        otel_context.detach(token)
    assert SECRET not in carried
    assert "team=a" in carried


def test_spans_of_other_code_are_written_without_secrets(root: Path, written: Any) -> None:
    """In details, in members that the contract does not know, and in ids."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(PatternJsonlExporter(root)))
    run = {"pattern.id": f"PAT-{TOKEN}", "pattern.run.id": "PRUN-1", "pattern.job.id": "JOB-1"}
    with provider.get_tracer("other").start_as_current_span("x", attributes=run) as span:
        span.add_event(
            "pattern.execution.started",
            {
                "pattern.event.id": "EVT-1",
                "pattern.event.status": "in_progress",
                "pattern.details.executor": "python",
                "pattern.details.command": f"tool --password {SECRET}",
                "pattern.event.members": f'{{"set": {{"note": "token={SECRET}"}}, "unset": []}}',
            },
        )
    provider.shutdown()
    text = (root / "events" / "pattern_events.jsonl").read_text()
    assert SECRET not in text
    assert TOKEN not in text
    assert written()[0].extra == {"note": "token=[redacted:token]"}


def test_an_event_outside_any_decorator_is_redacted_whole(root: Path) -> None:
    """Its ids too."""
    emit_pattern_event(
        event_type="pattern.execution.started",
        job_id=f"JOB-{TOKEN}",
        pattern_run_id="PRUN-1",
        pattern_id="PAT-1",
        status="in_progress",
        details={"executor": "python", "command": f"PGPASSWORD={SECRET} psql"},
    )
    text = b"".join(path.read_bytes() for path in root.rglob("*.jsonl"))
    assert TOKEN.encode() not in text
    assert SECRET.encode() not in text


def test_the_resource_of_our_provider_holds_no_secret(python: Any) -> None:
    """Whatever variables and detectors put into it."""
    done = python(
        """
        import patternspan
        from opentelemetry import trace
        patternspan.configure(root="state")
        resource = trace.get_tracer_provider().resource
        print(resource.attributes["db.password"], resource.attributes["team"])
        """,
        OTEL_RESOURCE_ATTRIBUTES=f"db.password={SECRET},team=a",
    )
    assert done.stdout == "[redacted:password] a\n"


def test_a_fault_is_logged_without_the_secret_in_it(root: Path, faults: Any) -> None:
    """The application's own log is a sink too."""
    from patternspan import subscribe

    def hear(event: Any) -> None:
        raise ValueError(f"postgres://u:{SECRET}@db")

    stop = subscribe(hear)
    with pattern_span("PAT-RED-204"):
        pass
    stop()
    assert "postgres://u:[redacted:url_password]@db" in faults()[0]
