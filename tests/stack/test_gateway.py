"""What the gateway does with spans on their way: secrets of other programs are masked, and the audit file is kept."""

from __future__ import annotations

import json
import time

import pytest
from stack_answers import eventually, spans_sent, tags
from stack_spans import attributes, sent, trace_id

from stack_run import Stack

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCD"
SECRETS = {
    # In two parts each, so that nobody takes this file for a leak.
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "github": "ghp" + f"_{LETTERS}",
    "github, fine-grained": "github" + f"_pat_{LETTERS}",
    "gitlab": "glpat" + f"-{LETTERS}",
    "slack": "xoxb" + "-1234567890-abcdef",
    "stripe": "sk" + "_live_abcdefghijklmnopqrst",
    "google": "AIza" + LETTERS[:35],
    "jwt": "eyJhbGciOiJI" + ".eyJzdWIiOiIx.c2lnbmF0dXJl",
    "key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----",
}
HARMLESS = {
    "ulid": "PRUN-01M8ASD4Z6468N0X0Z73MXGDXX",
    "withheld": "https://ada:[redacted:password]@host.example/x?token=[redacted:token]",
    "json": '{"variables":{"path":"src","port":"http://host:8080/a@b"},"checks":[{"name":"x"}]}',
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_the_secret_of_another_program_is_masked(stack: Stack, kind: str) -> None:
    """On the span and in its events; what stands around it stays, and the span says that something was masked."""
    trace, secret = trace_id(), SECRETS[kind]
    event = {"name": "said", "timeUnixNano": str(time.time_ns()), "attributes": attributes({"text": f"({secret})"})}
    sent(stack, trace, {"name": "call", "attributes": attributes({"note": f"with {secret} in"}), "events": [event]})
    (span,) = spans_sent(stack, {trace}, 1)
    told = tags(span)
    assert told["note"] == "with **** in"
    assert told["redaction.masked.count"] == 1
    (log,) = span["logs"]
    assert {field["key"]: field["value"] for field in log["fields"]}["text"] == "(****)"
    assert secret not in stack.audit.read_text()
    assert json.dumps(secret)[1:-1] not in stack.audit.read_text()


def test_the_password_in_an_address_is_masked(stack: Stack) -> None:
    """The address itself stays readable."""
    trace = trace_id()
    sent(stack, trace, {"name": "call", "attributes": attributes({"url": "postgres://ada:" + "pass@db.example/x"})})
    (span,) = spans_sent(stack, {trace}, 1)
    assert tags(span)["url"] == "postgres****db.example/x"


def test_all_else_stays_as_it_was_sent(stack: Stack) -> None:
    """Ids, JSON, hashes, and the marks that patternspan puts in the place of a secret; no key is taken away."""
    trace = trace_id()
    sent(stack, trace, {"name": "call", "attributes": attributes(HARMLESS | {"any.key.at.all": "x"})})
    (span,) = spans_sent(stack, {trace}, 1)
    assert tags(span) == HARMLESS | {"any.key.at.all": "x", "span.kind": "internal"}


def lines(stack: Stack) -> list[str]:
    """Return the names of the spans in all parts of the audit file, the oldest part first."""
    parts = sorted(stack.audit.parent.glob("traces-*.jsonl"))
    requests = [json.loads(line) for part in [*parts, stack.audit] for line in part.read_text().splitlines()]
    scopes = [scope for one in requests for resource in one["resourceSpans"] for scope in resource["scopeSpans"]]
    return [span["name"] for scope in scopes for span in scope["spans"]]


def test_the_audit_file_goes_on_after_a_restart(own: Stack) -> None:
    """What stands in it is not written over."""
    sent(own, trace_id(), {"name": "before"})
    assert eventually(lambda: own.audit.exists() and lines(own) == ["before"])
    own.stop("collector")
    own.start("collector")
    sent(own, trace_id(), {"name": "after"})
    assert eventually(lambda: lines(own) == ["before", "after"])


def test_the_audit_file_is_rotated(own: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full one is renamed; no span is lost or written twice on the way."""
    own.stop("collector")
    monkeypatch.setenv("AUDIT_MEGABYTES", "1")
    own.start("collector")
    names = [f"span {number}" for number in range(60)]
    for name in names:
        sent(own, trace_id(), {"name": name, "attributes": attributes({"text": "x" * 40_000})})
    assert eventually(lambda: lines(own) == names)
    assert len(list(own.audit.parent.glob("traces-*.jsonl"))) == 2
