"""Whether the process of a run still lives, as far as this host can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from patternspan import procfs

if TYPE_CHECKING:
    from patternspan.model.process import Process, State


class Processes:
    """Looks processes up, each once, from where this process runs."""

    def __init__(self) -> None:
        self._host: Final = procfs.host()
        self._boot: Final = procfs.boot()
        self._namespace: Final = procfs.namespace()
        self._known: dict[Process, State] = {}

    def state(self, process: Process | None) -> State:
        """Say whether this process lives; `unknown` of another host's, and of what cannot be seen from here."""
        if process is None or process.host != self._host:
            return "unknown"
        state = self._known.get(process)
        if state is None:
            state = self._known[process] = self._look(process)
        return state

    def _look(self, process: Process) -> State:
        boot, _, ticks = process.start.partition("-")
        if boot and self._boot and boot != self._boot:
            return "gone"
        if process.namespace != self._namespace and None not in (process.namespace, self._namespace):
            return "unknown"
        now = procfs.start_ticks(process.pid)
        if now and ticks:
            return "alive" if now == ticks else "gone"
        if not procfs.is_there(process.pid):
            return "gone"
        # It is there, and a zombie, or hidden, or of a system that does not say when it began.
        return "gone" if ticks and procfs.is_shown(process.pid) else "unknown"
