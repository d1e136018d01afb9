"""A proof shows that one event is in the log, without the rest of it, and nothing else passes for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed import LIVE, compress, name, sealed, some_lines

from patternspan import LineError, NotFoundError, checkpoint, seal
from patternspan.evidence.checkpoint import Checkpoint
from patternspan.evidence.keys import make_key
from patternspan.evidence.prove import Proof, check, prove, read_proof
from patternspan.model.wire import decode

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [decode(line) for number in (0, 1, 2, 99) for line in some_lines(number).splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sealed segments, one of them compressed, and a live log."""
    found = sealed(tmp_path_factory.mktemp("prove"))
    compress(found, 2)
    return found


@pytest.fixture(scope="module")
def kept(folder: Path) -> Checkpoint:
    """What the log was."""
    return checkpoint(folder)


@pytest.mark.parametrize("at", range(len(EVENTS)))
def test_each_event_can_be_proved(folder: Path, kept: Checkpoint, at: int) -> None:
    """Sealed ones by the manifests, the newest by the checkpoint itself; each with its own line and no other."""
    found = prove(EVENTS[at].event_id, folder, given=kept)
    assert decode(found.line.encode()) == EVENTS[at]
    assert (found.file, found.index) == (name(at // 14 + 1) if at < 42 else LIVE, at % 14)
    assert len(found.manifests) == max(0, 3 - at // 14)
    assert check(found).ok
    assert check(found, kept=kept).ok
    others = [event.event_id for event in EVENTS if event is not EVENTS[at]]
    assert not any(event_id.encode() in found.to_bytes().replace(_ends(found), b"") for event_id in others)


def _ends(found: Proof) -> bytes:
    """Return the manifests as they stand in the file: they name the first and the last event of a segment."""
    return json.dumps(list(found.manifests), separators=(",", ":")).encode()


def test_a_proof_leads_to_an_earlier_checkpoint_and_to_a_later_one(tmp_path: Path) -> None:
    """As long as its segment was sealed then."""
    folder = sealed(tmp_path)
    early = checkpoint(folder)
    (folder / LIVE).rename(folder / name(4))
    seal(folder, grace=0)
    late = checkpoint(folder)
    found = prove(EVENTS[3].event_id, folder, given=early)
    assert (check(found, kept=early).ok, check(found, kept=late).ok) == (True, True)
    found = prove(EVENTS[50].event_id, folder, given=late)
    assert check(found, kept=late).ok
    assert check(found, kept=early).problems == (
        "the proof does not lead to this checkpoint; make it with --checkpoint",
    )
    assert check(prove(EVENTS[50].event_id, folder, given=early), kept=early).ok


def test_another_logs_checkpoint_is_not_led_to(folder: Path, tmp_path: Path, kept: Checkpoint) -> None:
    """Neither of a log that looks the same but was sealed at another time."""
    other = checkpoint(sealed(tmp_path))
    assert not check(prove(EVENTS[3].event_id, folder, given=kept), kept=other).ok


def test_what_is_not_there_is_not_found(folder: Path) -> None:
    """Also where its id is part of another text."""
    for event_id in ("EVT-01KAZG8A0A0000000000009999", EVENTS[0].event_id[:-1], "event_id"):
        with pytest.raises(NotFoundError, match="no event"):
            prove(event_id, folder)


def test_a_changed_log_proves_nothing(tmp_path: Path) -> None:
    """The line is there, but it is not as it was sealed."""
    folder = sealed(tmp_path)
    path = folder / name(2)
    path.write_bytes(path.read_bytes().replace(b"semgrep", b"nothing"))
    with pytest.raises(LineError, match="does not lead to the root"):
        prove(EVENTS[19].event_id, folder)
    (folder / name(2, ".leaves")).write_bytes(b"")
    with pytest.raises(LineError, match="audit verify"):
        prove(EVENTS[19].event_id, folder)


def test_who_signed_is_asked_with_a_key(folder: Path, tmp_path: Path) -> None:
    """Of the proof, and of a checkpoint alone."""
    private, public = make_key(tmp_path / "key")
    _, other = make_key(tmp_path / "other")
    found = prove(EVENTS[3].event_id, folder, key=private)
    assert (check(found, key=public).ok, check(found, key=other).ok) == (True, False)
    assert (check(found.checkpoint, key=public).ok, check(found.checkpoint, key=other).ok) == (True, False)


@pytest.fixture(scope="module")
def proofs(folder: Path, kept: Checkpoint) -> list[bytes]:
    """The files of some proofs."""
    return [prove(EVENTS[at].event_id, folder, given=kept).to_bytes() for at in (0, 13, 20, 41, 55)]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bit_of_a_proof_counts(
    proofs: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A file with a bit turned over is refused."""
    old = data.draw(st.sampled_from(proofs))
    bit = data.draw(st.integers(0, 8 * len(old) - 1))
    path = tmp_path_factory.mktemp("bit") / "proof.json"
    path.write_bytes((int.from_bytes(old, "big") ^ 1 << bit).to_bytes(len(old), "big"))
    with pytest.raises(LineError):
        read_proof(path)


MEMBERS = ["event_id", "line", "file", "index", "path", "manifests", "checkpoint"]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_proof_whose_digest_was_made_to_fit_does_not_hold_either(proofs: list[bytes], data: st.DataObject) -> None:
    """Each member matters by itself: the digest only makes damage plain."""
    members = json.loads(data.draw(st.sampled_from(proofs)))
    change(members, data.draw(st.sampled_from(MEMBERS)), data)
    forged = msgspec.convert(members, Proof).digested()
    assert check(forged).problems != ()


def change(members: dict, name: str, data: st.DataObject) -> None:
    """Change one member of a proof, somewhere inside."""
    value = members[name]
    if name == "index":
        members[name] = data.draw(st.integers(-1, 20).filter(lambda index: index != value))
    elif name == "checkpoint":
        inner = data.draw(st.sampled_from(["origin", "time", "head", "lines"]))
        value[inner] = "0" * 64 if inner == "head" else f"{value[inner]}0" if inner != "lines" else value["lines"] + 1
    elif isinstance(value, list) and value:
        at = data.draw(st.integers(0, len(value) - 1))
        members[name] = data.draw(
            st.sampled_from(
                [
                    value[:at] + value[at + 1 :],
                    [*value, value[at]],
                    [*value[:at], turned(value[at], data), *value[at + 1 :]],
                ]
            )
        )
    elif isinstance(value, list):
        members[name] = ["0" * 64]
    else:
        members[name] = turned(value, data)


def turned(text: str, data: st.DataObject) -> str:
    """Return the text with one character replaced by another."""
    at = data.draw(st.integers(0, len(text) - 1))
    return text[:at] + ("y" if text[at] == "x" else "x") + text[at + 1 :]


def test_what_is_no_proof(tmp_path: Path) -> None:
    """Nothing there, nonsense, another value's file."""
    with pytest.raises(NotFoundError):
        read_proof(tmp_path / "none")
    for text in (b"", b"{", b"[]", b"null", b'{"format":"patternspan.proof.v1"}\n', b"[" * 100_000):
        (tmp_path / "x").write_bytes(text)
        with pytest.raises(LineError):
            read_proof(tmp_path / "x")
