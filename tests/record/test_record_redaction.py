"""Arguments only when asked, and secrets nowhere: not in the line, the span, the archive or the previews."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

import patternspan
from patternspan import ConfigError, current_run, pattern_span
from recorded import problems

SECRET = "hunter2-Zq9"
AWS = "AKIAIOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2" * 9


def _everything(root: Path, spans: Any) -> bytes:
    """Return all that was written and would be sent."""
    found = b"".join(path.read_bytes() for path in root.rglob("*.jsonl"))
    return found + encode_spans(spans()).SerializeToString()


def test_nothing_is_captured_unless_asked(root: Path, written: Any, spans: Any) -> None:
    """Neither arguments nor results that are no mapping."""

    @pattern_span("PAT-RED-001")
    def work(path: str, *, deep: str = "default-text") -> str:
        return "result-text"

    work("argument-text", deep="keyword-text")
    everything = _everything(root, spans)
    assert [
        text for text in (b"argument-text", b"keyword-text", b"default-text", b"result-text") if text in everything
    ] == []


class Service:
    @pattern_span("PAT-RED-002", capture=True)
    def method(self, a: int, /, b: int, *rest: int, c: int = 3, **more: int) -> None: ...

    @pattern_span("PAT-RED-002", capture=["c", "rest", "missing"])
    def named(self, a: int, *rest: int, c: int = 3, **more: int) -> None: ...

    @classmethod
    @pattern_span("PAT-RED-002", capture=True)
    def of_class(cls, a: int) -> None: ...


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        (lambda: Service().method(1, 2), {"a": 1, "b": 2, "c": 3}),
        (lambda: Service().method(1, b=2, c=4), {"a": 1, "b": 2, "c": 4}),
        (lambda: Service().method(1, 2, 5, 6, d=7), {"a": 1, "b": 2, "rest": [5, 6], "c": 3, "d": 7}),
        (lambda: Service().named(1, 2, c=9, d=1), {"rest": [2], "c": 9}),
        (lambda: Service.of_class(1), {"a": 1}),
        (lambda: pattern_span("PAT-RED-002", capture="path")(lambda path, p=1: None)("src"), {"path": "src"}),
        (lambda: pattern_span("PAT-RED-002", capture=True)(max)(3, 4), {"args": [3, 4]}),
    ],
)
def test_arguments_are_captured_by_name(root: Path, written: Any, call: Any, inputs: dict[str, Any]) -> None:
    """Positional, by keyword, defaults and the rest; the object itself is left out."""
    call()
    assert written()[0].details["inputs_preview"] == inputs
    assert problems(written()) == []


def test_a_wrong_call_raises_what_the_bare_function_raises(root: Path, written: Any) -> None:
    """Capturing does not bind: Python does."""

    def work(a: int) -> None: ...

    with pytest.raises(TypeError) as bare:
        work()  # type: ignore[call-arg]
    with pytest.raises(TypeError) as decorated:
        pattern_span("PAT-RED-003", capture=True)(work)()  # type: ignore[call-arg]
    assert str(decorated.value) == str(bare.value)


TEXTS = [
    (f"--password {SECRET}", SECRET),
    (f"--api-key={SECRET}", SECRET),
    (f"curl -H 'Authorization: Bearer {SECRET}abcdef'", SECRET),
    (f"https://user:{SECRET}@example.org/path", SECRET),
    (f"postgresql://user:{SECRET}@db/x?sslmode=require", SECRET),
    (f"export DB_PASSWORD={SECRET}", SECRET),
    (f'{{"token": "{SECRET}"}}', SECRET),
    (f"aws {AWS}", AWS),
    (f"git clone https://{GITHUB}@github.com/x", GITHUB),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIhunter\n-----END RSA PRIVATE KEY-----", "MIIhunter"),
    ("-----BEGIN PRIVATE KEY-----\nMIIhunter cut off", "MIIhunter"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sflKxwRJSMeKKF2QT4", "sflKxwRJSMeKKF2QT4"),
    ("x" * 4090 + " " + GITHUB, GITHUB[:12]),
    ("x" * 30_000 + f" password={SECRET} " + "y" * 100, SECRET),
]


@pytest.mark.parametrize(("text", "secret"), TEXTS, ids=[text[:30] for text, _ in TEXTS])
def test_a_secret_in_a_text_reaches_no_sink(root: Path, written: Any, spans: Any, text: str, secret: str) -> None:
    """Captured, returned, in a command, an error, a check, a warning, a summary or a tool's output."""

    @pattern_span("PAT-RED-004", capture=True)
    def work(thing: Any, deep: Any) -> Any:
        run = current_run()
        with run.selecting([text], context={"a": [text]}) as selection:
            selection.resolve("PAT-RED-004", inputs={"a": {"b": [text]}})
        with run.expanding() as expansion:
            expansion.command(["x", text])
        with run.validating(checks=[text]) as validation:
            run.warn(text)
            validation.check("a")
        with run.executing(text):
            run.command(["printf", "%s", text])
            run.artifact(text)
        run.note(note=text)
        return {"list": [text, {"x": text}], "text": text}

    work(text, {"a": [text]})
    with pytest.raises(ValueError):  # noqa: PT011
        with pattern_span("PAT-RED-005") as run:
            with run.validating() as validation:
                validation.check("a", True)
            raise ValueError(text)
    with pattern_span("PAT-RED-006") as run, run.validating() as validation:
        validation.check("a", False, text)
    assert secret.encode() not in _everything(root, spans)
    assert len(written()) == 7 + 4 + 2


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWORD", "db_password", "dbPassword", "api_key", "apiKey", "API-KEY", "access_token", "token",
     "secret",
     "client_secret", "authorization", "Cookie", "private_key", "credentials", "x-auth"],
)  # fmt: skip
def test_what_a_secret_name_holds_reaches_no_sink(root: Path, written: Any, spans: Any, name: str) -> None:
    """At any depth, of any form, also where a user's own rules are given."""
    for redact in (None, ["other"], lambda _, value: value):
        with pattern_span("PAT-RED-007", redact=redact) as run:
            run.select(inputs={name: SECRET, "deep": [{name: [SECRET]}], "more": {name: {"a": SECRET}}})
            run.result({name: SECRET, "rows": [{name: SECRET}]})
            run.note(**{name: {"a": [SECRET]}})
    assert SECRET.encode() not in _everything(root, spans)


def test_names_that_only_look_like_secrets_are_kept(root: Path, written: Any) -> None:
    """Counts of tokens and keys of dictionaries are figures."""
    members = {"max_tokens": 5, "tokens": [1, 2], "key": "x", "author": "me", "passed": 3, "token_count": 7}
    with pattern_span("PAT-RED-008") as run:
        run.result(members)
    assert written()[-1].details["result_summary"] == members


def test_a_users_names_are_withheld_at_any_depth(root: Path, written: Any, spans: Any) -> None:
    """In objects, in lists of objects, in arguments and results."""

    @pattern_span("PAT-RED-009", capture=True, redact=["ssn"])
    def work(ssn: str, rows: Any) -> Any:
        return {"rows": [{"ssn": SECRET, "n": 1}], "ssn": SECRET, "deep": {"a": [{"ssn": [SECRET]}]}}

    work(SECRET, [{"ssn": SECRET}, [{"ssn": SECRET}]])
    assert SECRET.encode() not in _everything(root, spans)
    assert written()[-1].details["result_summary"] == {
        "rows": [{"ssn": "[redacted:name]", "n": 1}],
        "ssn": "[redacted:name]",
        "deep": {"a": [{"ssn": "[redacted:name]"}]},
    }


def test_a_users_function_sees_each_member_and_its_answer_is_written(root: Path, written: Any, spans: Any) -> None:
    """At any depth; what it returns passes the rules too."""

    def mask(name: str, value: Any) -> Any:
        if name == "city":
            return "somewhere"
        return f"password={SECRET}" if name == "odd" else value

    with pattern_span("PAT-RED-010", redact=mask) as run:
        run.result({"city": "Paris", "rows": [{"city": "Rome"}], "odd": 1, "n": 2})
    assert written()[-1].details["result_summary"] == {
        "city": "somewhere",
        "rows": [{"city": "somewhere"}],
        "odd": "password=[redacted:password]",
        "n": 2,
    }


def test_a_users_function_that_raises_withholds_and_the_events_stay_valid(root: Path, written: Any, spans: Any) -> None:
    """No text that it could not judge is written; the members that the contract demands keep their form."""

    def refuse(name: str, value: Any) -> Any:
        raise LookupError(name)

    @pattern_span("PAT-RED-011", redact=refuse, capture=True)
    def work(thing: str) -> Any:
        run = current_run()
        run.select(candidates=[SECRET], inputs={"a": SECRET, "pin": 1234})
        with run.validating(checks=[SECRET]) as validation:
            validation.check("a")
        with run.executing(SECRET):
            run.artifact(SECRET)
        return {"a": SECRET, "rows": [{"b": SECRET}]}

    assert work(SECRET)["a"] == SECRET
    assert problems(written()) == []
    everything = _everything(root, spans)
    assert SECRET.encode() not in everything
    assert written()[1].details["inputs_preview"]["pin"] == "[redacted:LookupError]"


def test_the_longest_value_is_an_option(root: Path, written: Any) -> None:
    """What is longer is cut and says how long it was."""
    patternspan.configure(root=root, max_value_chars=10)
    with pattern_span("PAT-RED-012") as run:
        run.result(text="x" * 50)
    assert written()[-1].details["result_summary"] == {
        "text": f"xxxxxxxxxx… [cut: 50 characters, sha256:{sha256(b'x' * 50).hexdigest()}]"
    }


def test_what_was_given_is_never_changed(root: Path, written: Any) -> None:
    """Recording copies: the caller's own objects stay as they were."""
    inner = {"password": SECRET, "list": [1, {"token": SECRET}]}
    given = {"a": inner}

    @pattern_span("PAT-RED-013", capture=True)
    def work(thing: Any) -> Any:
        current_run().select(inputs=given, context=given)
        return given

    assert work(given) is given
    assert given == {"a": {"password": SECRET, "list": [1, {"token": SECRET}]}}


@pytest.mark.parametrize("wrong", [5, 1.5, object()], ids=["int", "float", "object"])
def test_wrong_options_are_refused_at_once(wrong: Any) -> None:
    """Not only at the first call."""
    with pytest.raises(ConfigError):
        pattern_span("PAT-RED-014", capture=wrong)
    with pytest.raises(ConfigError):
        pattern_span("PAT-RED-014", redact=wrong)
    with pytest.raises(ConfigError):
        pattern_span("PAT-RED-014", attempt=object() if wrong == 5 else wrong)
