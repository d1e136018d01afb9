"""Labels of metrics: few distinct values each, without secrets, whatever executors are called and raise."""

from __future__ import annotations

from typing import Final

from patternspan.model.vocabulary import (
    ERROR_TYPE,
    OPERATION_KIND,
    OTHER,
    PATTERN_ID,
    PATTERN_VERSION,
    RUN_ATTEMPT,
    RUN_RESULT,
)
from patternspan.record.meter import Key
from patternspan.record.redact import redact_text

_MOST_ATTEMPTS: Final = 10
_LONGEST: Final = 200

Labels = dict[str, str | int]


class _Known:
    """The values that one label has had; beyond the cap each further one is `_OTHER`."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}

    def __call__(self, value: str, most: int) -> str:
        known = self._labels.get(value)
        if known is None:
            if len(self._labels) >= most:
                return OTHER
            known = self._labels[value] = redact_text(value)[:_LONGEST]
        return known


class LabelMaker:
    """Makes the labels of runs. `most` is the cap on distinct values of each label, pattern ids above all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._ids, self._kinds, self._versions, self._errors = _Known(), _Known(), _Known(), _Known()

    def pattern(self, pattern_id: str, operation_kind: str) -> Labels:
        """Return the labels that say which pattern it is."""
        return {
            PATTERN_ID: self._ids(pattern_id, self.most),
            OPERATION_KIND: self._kinds(operation_kind, self.most),
        }

    def run(self, key: Key) -> Labels:
        """Return the labels of an ended run."""
        pattern_id, kind, version, attempt, result, error = key
        labels = self.pattern(pattern_id, kind)
        labels[RUN_RESULT] = result
        if version is not None:
            labels[PATTERN_VERSION] = self._versions(version, self.most)
        if attempt:
            labels[RUN_ATTEMPT] = min(attempt, _MOST_ATTEMPTS)
        if error is not None:
            labels[ERROR_TYPE] = self._errors(error, self.most)
        return labels
