"""How many secrets redaction finds, how often it is wrong, and what a hostile text costs.

    python benchmarks/redaction.py [--set development|held-out|stranger|passerby|all] [--misses] [--json]

The corpus is made by code with a fixed seed (`redaction_corpus/`). A secret is found where its text survives nowhere in
the output, nor half of it. Precision is the share of marks that cover a labelled secret: each change of a look-alike
counts against it. Rules are tuned on the development half alone; the held-out half has other templates.
"""

from __future__ import annotations

import argparse
import collections
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from patternspan.record.redact import redact
from redaction_corpus.case import Case
from redaction_corpus.development import development
from redaction_corpus.held_out import held_out
from redaction_corpus.passerby import passerby
from redaction_corpus.stranger import stranger

SETS: dict[str, Callable[[], Iterable[Case]]] = {
    "development": development,
    "held-out": held_out,
    "stranger": stranger,
    "passerby": passerby,
}


class Score:
    """Figures of one kind of case."""

    def __init__(self) -> None:
        self.secrets = self.found = self.wrong = self.spoilt = self.kept = 0

    @property
    def recall(self) -> float:
        return self.found / self.secrets if self.secrets else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def survives(secret: str, shown: str) -> bool:
    if secret in shown or repr(secret)[1:-1] in shown:
        return True
    half = len(secret) // 2
    return half >= 6 and (secret[:half] in shown or secret[half:] in shown)


def judge(case: Case, score: Score) -> bool:
    """Count one case; say whether all is well with it."""
    shown = as_text(redact(case.value))
    marks = shown.count("[redacted:") - as_text(case.value).count("[redacted:")
    missed = [secret for secret in case.secrets if survives(secret, shown)]
    found = len(case.secrets) - len(missed)
    score.secrets += len(case.secrets)
    score.found += found
    text = as_text(case.value)
    wrong = max(0, marks - sum(max(1, text.count(secret)) for secret in case.secrets if secret not in missed))
    if not case.secrets and shown != as_text(case.value):
        wrong = max(1, marks)
    score.wrong += wrong
    spoilt = [text for text in case.keeps if text not in shown]
    score.kept += len(case.keeps) - len(spoilt)
    score.spoilt += len(spoilt)
    return not missed and not wrong and not spoilt


def measure(cases: Iterable[Case], bad: Callable[[Case], None] | None = None) -> dict[str, Score]:
    """Return the figures of each kind of case, those of all under `all`."""
    scores: dict[str, Score] = collections.defaultdict(Score)
    for case in cases:
        kind = "form" if case.kind.startswith("form") else case.kind
        if not judge(case, scores[kind]) and bad is not None:
            bad(case)
    total = Score()
    for score in scores.values():
        for name in vars(total):
            setattr(total, name, getattr(total, name) + getattr(score, name))
    return {**scores, "all": total}


HOSTILE = {
    "nested quotes": "password=" + "\"'" * 90_000,
    "opened quotes": 'password="' * 18_000,
    "a=a=a": "a=" * 90_000,
    "key=key=": "key=" * 45_000,
    "password:": "password: " * 18_000,
    "token token": "token is " * 20_000,
    "://": "://" * 60_000,
    "://a:b": "://a:b@" * 26_000,
    "@@@": "a:b@" * 45_000,
    "BEGIN": "-----BEGIN PRIVATE KEY-----" * 6_600,
    "BEGIN body": "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAA" * 4_000,
    "eyJ": "eyJ" * 60_000,
    "eyJ.": "eyJa." * 36_000,
    "backslashes": "\\" * 180_000,
    "escaped quotes": 'token=\\"' * 22_000,
    "flags": "--token " * 22_000,
    "curl": "curl -u " * 22_000,
    "mysql quotes": "mysql -p'" * 20_000,
    "cookies": "Cookie: " + "a=b; " * 36_000,
    "bearer": "Bearer " * 25_000,
    "brackets": "[" * 180_000,
    "digits": "1234567890" * 18_000,
    "base64": "QUFB" * 45_000,
    "base64 words": "QUFBQUFBQUFBQUFBQUFBQUFB " * 7_200,
    "percent": "%3D%26" * 30_000,
    "spaces": "password" + " " * 180_000,
    "newlines": "password:\n" * 18_000,
    "pass-": "pass-" * 36_000,
    "sk-": "sk-" * 60_000,
    "dots": "a." * 90_000,
    "AKIA": "AKIA" * 45_000,
    "server=": "server=;password=" * 10_500,
    "xml": "<password>" * 18_000,
    "name value": "name: PASSWORD " * 12_000,
    "colons": "a:" * 90_000,
}


def hostile_seconds() -> dict[str, float]:
    found = {}
    for name, text in HOSTILE.items():
        begin = time.process_time()
        redact(text)
        found[name] = time.process_time() - begin
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=[*SETS, "all"], default="all")
    parser.add_argument("--misses", action="store_true", help="show what was missed and what was changed wrongly")
    parser.add_argument("--no-hostile", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    def show(case: Case) -> None:
        print(
            f"{case.kind}: {as_text(case.value)[:220]!r}\n"
            f"     -> {as_text(redact(case.value))[:220]!r} {case.secrets!r:.90}"
        )

    figures: dict[str, dict[str, float]] = {}
    for name, make in SETS.items():
        if options.set not in {name, "all"}:
            continue
        listed = list(make())
        scores = measure(listed, show if options.misses else None)
        figures[name] = {"recall": round(scores["all"].recall, 4), "precision": round(scores["all"].precision, 4)}
        if options.json:
            continue
        print(f"{name}: {len(listed)} cases, {scores['all'].secrets} secrets")
        for kind, score in scores.items():
            print(
                f"  {kind:22} recall {score.recall:.4f} ({score.found}/{score.secrets})"
                f"  precision {score.precision:.4f} ({score.wrong} wrong)  surroundings lost {score.spoilt}"
            )
    if options.json:
        print(json.dumps(figures))
    elif not options.no_hostile:
        times = hostile_seconds()
        slowest = sorted(times, key=lambda name: -times[name])[:6]
        print("hostile texts of 180 kB, CPU time: " + ", ".join(f"{name} {times[name]:.3f} s" for name in slowest))


if __name__ == "__main__":
    main()
