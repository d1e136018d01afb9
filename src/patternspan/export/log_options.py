"""How logs are written, as the configuration says it."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from patternspan.config import Config
from patternspan.export.durable import Durability
from patternspan.export.rotate import Rotation, rotation_of
from patternspan.files import PRIVATE, Modes


class LogOptions(NamedTuple):
    """How logs are written."""

    modes: Modes = PRIVATE
    durability: Durability = "os"
    most_pending_bytes: int = 4 << 20
    """Of lines that wait in memory while a log cannot be written."""
    rotation: Rotation | None = None
    """When a log is rotated, and what becomes of it."""


DEFAULTS: Final = LogOptions()


def log_options(settings: Config) -> LogOptions:
    """Return what a configuration says of logs."""
    modes = Modes(int(settings.file_mode, 8), int(settings.folder_mode, 8))
    durability = cast("Durability", settings.durability)
    return LogOptions(modes, durability, settings.pending_bytes, rotation_of(settings))
