"""SIGTERM as what it is by default, a moment later: what is on its way is sent first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType


def flush_before_death(flush: Callable[[], None]) -> bool:
    """Have `flush` called before SIGTERM ends this process, which then ends by that signal as ever.

    Only where nobody has said yet what SIGTERM does, and in the main thread, which alone may say so. A handler that the
    application sets later takes the place of this one. Returns whether it was done.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False

    def end(number: int, _frame: FrameType | None) -> None:
        try:
            flush()
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)
    return True
