"""Redaction by the caller's rules, what is counted, and `patternspan.redact`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import patternspan
from patternspan import ConfigError, current_run, pattern_span, redact
from patternspan.record.redact import use_rules
from patternspan.record.redact_rules import redaction_counts


@pytest.fixture(autouse=True)
def _own_rules() -> Iterator[None]:
    yield
    use_rules()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("--password hunter2", "--password [redacted:password]"),
        ("mysql -u root -pS3cret db", "mysql -u root -p[redacted:password] db"),
        (["mysql", "-psecret"], ["mysql", "-p[redacted:password]"]),
        (["--token", "abc"], ["--token", "[redacted:token]"]),
        ({"name": "DB_PASSWORD", "value": "swordfish"}, {"name": "DB_PASSWORD", "value": "[redacted:password]"}),
        ("https://u:pw1@h/x?token=ab12&page=2", "https://u:[redacted:url_password]@h/x?token=[redacted:token]&page=2"),
        ({"Cookie": "sid=ab12cd34; theme=dark"}, {"Cookie": "sid=[redacted:cookie]; theme=dark"}),
        ({"password": None, "token": 12, "secret": True}, {"password": None, "token": 12, "secret": True}),
        ({"password": 12345678}, {"password": "[redacted:password]"}),
        ("password is required", "password is required"),
        (7, 7),
        (None, None),
    ],
)
def test_redact_withholds_the_secret_and_keeps_what_surrounds_it(value: Any, shown: Any) -> None:
    """In a text, a command line, an object or a list; what was given stays as it was."""
    before = repr(value)
    assert redact(value) == shown
    assert repr(value) == before


def test_a_word_that_was_clean_alone_is_judged_again_beside_its_flag(root: Path, written: Any) -> None:
    """What is remembered as clean never hides what a list as a whole says."""
    for words in (["abcd", "--token"], ["--token", "abcd"]):
        with pattern_span("PAT-RED-101") as run:
            run.result(words=words)
    assert [event.details["result_summary"] for event in written()[1::2]] == [
        {"words": ["abcd", "--token"]},
        {"words": ["--token", "[redacted:token]"]},
    ]


def test_further_names_and_expressions_are_withheld_everywhere(root: Path, written: Any) -> None:
    """Names in every spelling, in objects and in texts; of an expression with a group, the group."""
    patternspan.configure(
        root=root, redact_names=["social_number"], redact_patterns=["ACME-[0-9]{4,8}", "badge (\\d+)"]
    )
    with pattern_span("PAT-RED-102") as run:
        run.result(socialNumber="123-45", text="SOCIAL-NUMBER=1234, ACME-12345, badge 77")
    assert written()[-1].details["result_summary"] == {
        "socialNumber": "[redacted:name]",
        "text": "SOCIAL-NUMBER=[redacted:name], [redacted:pattern], badge [redacted:pattern]",
    }


def test_details_that_were_clean_are_judged_again_by_new_rules(root: Path, written: Any) -> None:
    """Details that come again are known to be clean; rules that come later say so anew."""
    for _ in range(3):
        with pattern_span("PAT-RED-103") as run:
            run.result(text="ACME-12345")
    patternspan.configure(root=root, redact_patterns=["ACME-[0-9]{4,8}"])
    with pattern_span("PAT-RED-103") as run:
        run.result(text="ACME-12345")
    assert [event.details["result_summary"]["text"] for event in written()[1::2]] == [
        *["ACME-12345"] * 3,
        "[redacted:pattern]",
    ]


def test_what_is_to_be_kept_stays(root: Path) -> None:
    """By name, and by an expression of the whole value."""
    patternspan.configure(root=root, redact_keep=["db_password", "demo-.*"])
    assert redact({"dbPassword": "hunter2", "token": "demo-1a2b"}) == {"dbPassword": "hunter2", "token": "demo-1a2b"}
    assert redact("DB_PASSWORD=hunter2 TOKEN=demo-1a2b API_TOKEN=x1y2z3w4") == (
        "DB_PASSWORD=hunter2 TOKEN=demo-1a2b API_TOKEN=[redacted:token]"
    )


def test_our_own_rules_can_be_replaced(root: Path) -> None:
    """Then the configured ones are all there are."""
    patternspan.configure(root=root, redact_defaults=False, redact_names=["ssn"])
    assert redact({"password": "hunter2", "ssn": "1"}) == {"password": "hunter2", "ssn": "[redacted:name]"}
    assert redact(["--token", "a1b2c3"]) == ["--token", "a1b2c3"]


@pytest.mark.parametrize("option", ["redact_patterns", "redact_keep"])
def test_an_expression_that_is_none_is_named(root: Path, option: str) -> None:
    """As any option that is wrong."""
    with pytest.raises(ConfigError, match=rf"^{option}: '\(a' is no regular expression: missing \)"):
        patternspan.configure(root=root, **{option: ["(a"]})


def test_what_was_withheld_is_counted_by_kind(root: Path) -> None:
    """Each mark once."""
    before = redaction_counts()
    redact(["password=a1b2 token=c3d4e5", {"password": "x y z"}])
    after = redaction_counts()
    assert {kind: count - before.get(kind, 0) for kind, count in after.items() if count != before.get(kind, 0)} == {
        "password": 2,
        "token": 1,
    }


def test_a_forked_child_counts_anew(python: Any) -> None:
    """Its parent's figures are not its own."""
    done = python(
        """
        import os, patternspan
        from patternspan.record.redact_rules import redaction_counts
        patternspan.redact("password=a1b2")
        child = os.fork()
        if child == 0:
            print(redaction_counts(), flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(redaction_counts())
        """
    )
    assert done.stdout == "{}\n{'password': 1}\n"


class Odd(str):
    """A text that cannot be searched."""

    __slots__ = ()

    def lower(self) -> str:
        raise LookupError


def test_a_text_that_cannot_be_judged_is_withheld() -> None:
    """Redaction fails closed."""
    assert redact(Odd("fine")) == "[redacted:LookupError]"


def test_arguments_of_a_tool_are_judged_as_a_list(root: Path, written: Any) -> None:
    """A secret with a quote in it is in pieces once a shell would have quoted it."""

    @pattern_span("PAT-RED-103")
    def work() -> None:
        current_run().command(["true", "--password", "it's\"x9"])

    work()
    assert written()[0].details["command"] == "true --password [redacted:password]"
