"""Every error that patternspan raises to its caller.

::

    PatternspanError
    ├── ConfigError         an option, a variable or the configuration file is wrong   (also ValueError)
    ├── ConformanceError    an event or a run does not conform to the specification    (also ValueError)
    ├── LineError           one line of a log cannot be read                           (also ValueError)
    ├── NotFoundError       no event or run has this id                                (also LookupError)
    │   └── AmbiguousIdError  more than one run's id begins like this
    ├── StoreError          the state database cannot be used now
    └── MissingExtraError   a part of the package needs an extra                       (also ImportError)

Recording never raises any of them into the code that it watches.
"""

from __future__ import annotations


class PatternspanError(Exception):
    """The root: catch this to catch them all."""


class ConfigError(PatternspanError, ValueError):
    """An option is wrong; the message names where it came from and what it may be."""


class ConformanceError(PatternspanError, ValueError):
    """An event or a run breaks the specification; `problems` lists each place and rule."""

    def __init__(self, message: str, problems: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class LineError(PatternspanError, ValueError):
    """One line is not an event; the message says why, the reader says where."""


class NotFoundError(PatternspanError, LookupError):
    """No event or run has this id."""


class AmbiguousIdError(NotFoundError):
    """More than one run's id begins like this; the message lists them."""


class StoreError(PatternspanError):
    """The state database cannot be used; the message names it, the fact and what to do. The log has everything."""


class MissingExtraError(PatternspanError, ImportError):
    """A part needs an extra; the message holds the line that installs it."""
