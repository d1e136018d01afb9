"""Redaction of a stream that is followed while it grows: a tool's output.

Whole lines are judged as they come, with the end of what came before them in view, and written. Held back are:

- the line that has no end yet, for a second at most: then what may still grow into a secret is withheld, with the rest
  of that word when it comes, and everything else is written, but for the beginning of a private key's first line;
- of a line of more than 64 KiB, its last 8 KiB.

A private key is withheld from its first line on, whatever chunks it comes in.
"""

from __future__ import annotations

import re
from typing import Final

from patternspan.record.redact import redact_text, replaced, text_spans
from patternspan.record.redact_rules import count

HOLD_SECONDS: Final = 1.0
"""How long the beginning of a line is held back at most."""
_CONTEXT_CHARS: Final = 400
_LONGEST_LINE: Final = 1 << 16
_TAIL_CHARS: Final = 1 << 13
_MOST_KEY_LINES: Final = 2000
_ARMOUR: Final = re.compile(r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}[ \t]*\r?(?:\n|$)")
_ARMOUR_PART: Final = re.compile(r"(?<!-)-{1,5}(?: ?B?E?G?I?N?| ?BEGIN [A-Z0-9 ]{0,60}-{0,5})$")
_KEY_LINE: Final = re.compile(r"[\s>|]*(?:[A-Za-z0-9+/=]*|[\w-]{1,24}: [^\n]{0,200})\s*")
_END: Final = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,48}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_WORD_END: Final = re.compile(r"[\s\"'`<>,;]")
_LAST_WORD: Final = re.compile(r"[^\s\"'`<>,;]*$")


class StreamRedactor:
    """Takes bytes as they come and gives those that may be written."""

    def __init__(self) -> None:
        self._pending = b""
        self._since = 0.0
        self._context = ""
        self._key_lines = 0
        """Lines that a private key may still have; 0 outside of one."""
        self._swallow = False
        """Whether the rest of a word is withheld, whose beginning was."""

    def feed(self, chunk: bytes, now: float) -> bytes:
        """Take what came at `now` (seconds of any steady clock) and return what may be written."""
        if not self._pending:
            self._since = now
        data = self._pending + chunk
        end = data.rfind(b"\n") + 1
        self._pending = data[end:]
        if end:
            self._since = now
        written = self._lines(data[:end]) if end else b""
        if len(self._pending) > _LONGEST_LINE:
            written += self._head()
        return written

    def tick(self, now: float) -> bytes:
        """Return what was held back for long enough; call it a few times a second."""
        if not self._pending or now - self._since < HOLD_SECONDS:
            return b""
        data, self._pending = self._pending, b""
        text = _decoded(data)
        if self._key_lines:
            self._pending = data  # of a key, nothing is written
            return b""
        armour = _ARMOUR_PART.search(text)
        if armour is not None:
            text, self._pending = text[: armour.start()], _encoded(text[armour.start() :])
        return _encoded(self._shown(text, unfinished=True)) if text else b""

    def finish(self) -> bytes:
        """Return what is left at the stream's end."""
        data, self._pending = self._pending, b""
        return self._lines(data) if data else b""

    def _lines(self, data: bytes) -> bytes:
        text = _decoded(data)
        parts: list[str] = []
        while text:
            if self._key_lines:
                text = self._inside_key(text)
                continue
            begin = _ARMOUR.search(text)
            if begin is None or _END.search(text, begin.end()) is not None:
                parts.append(self._shown(text))
                break
            if begin.start():
                parts.append(self._shown(text[: begin.start()]))
            parts.append(count("private_key") + "\n")
            self._key_lines, self._context = _MOST_KEY_LINES, ""
            text = text[begin.end() :]
        return _encoded("".join(parts))

    def _inside_key(self, text: str) -> str:
        """Drop the lines of a key; return what comes after it."""
        while text and self._key_lines:
            line, newline, rest = text.partition("\n")
            end = _END.search(line)
            if end is not None:
                self._key_lines = 0
                return line[end.end() :].lstrip() + newline + rest if line[end.end() :].strip() else rest
            if _KEY_LINE.fullmatch(line) is None:
                self._key_lines = 0
                return text
            self._key_lines -= 1
            text = rest
        return text

    def _head(self) -> bytes:
        """Return the beginning of an endless line, up to where no secret reaches over the cut."""
        text = _decoded(self._pending)
        cut = len(text) - _TAIL_CHARS
        for begin, end, _ in text_spans(text):
            if begin < cut < end:
                cut = begin
        if cut <= 0:
            cut = len(text)  # all of it is one secret
        self._pending = _encoded(text[cut:])
        return _encoded(self._shown(text[:cut]))

    def _shown(self, text: str, *, unfinished: bool = False) -> str:
        """Return a text without secrets, judged with what stood before it in view."""
        if self._swallow:
            end = _WORD_END.search(text)
            if end is None:
                return ""
            self._swallow, text = False, text[end.start() :]
        before = len(self._context)
        whole = self._context + text
        self._context = whole[-_CONTEXT_CHARS:]
        try:
            spans = [(max(begin, before), end, kind) for begin, end, kind in text_spans(whole) if end > before]
            if unfinished:
                spans = self._unfinished(whole, before, spans)
        except Exception:  # noqa: BLE001 - fail closed; `redact_text` withholds what cannot be judged
            return redact_text(text)
        return replaced(whole, spans)[before:] if spans else text

    def _unfinished(self, whole: str, before: int, spans: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
        """Withhold the last word where it is one, or may grow into one."""
        word = _LAST_WORD.search(whole)
        begin = max(before, word.start()) if word is not None else len(whole)
        if spans and spans[-1][1] == len(whole):
            self._swallow = True
        elif len(whole) - begin >= 3:
            grown = [span for span in text_spans(f"{whole}{_GROWTH}") if span[1] > len(whole) and span[0] < len(whole)]
            if grown or _BEGINNINGS.search(whole, begin) is not None:
                self._swallow = True
                kind = grown[0][2] if grown else "unfinished"
                return [*(span for span in spans if span[1] <= begin), (begin, len(whole), kind)]
        return spans


_GROWTH: Final = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3"
"""What an unfinished word is tried with."""
_BEGINNINGS: Final = re.compile(
    r"(?:AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abepors]-|AIza|s[kr]-|s?k_live_|npm_|pypi-|hf_|SG\.|eyJ|hv[sb]\.|dapi"
    r"|do[por]_v1_|lin_api_|glsa_|shp(?:at|ca|pa|ss)_|AGE-SECRET|://[^/@\s]{1,256}:|BEGIN )"
)


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
