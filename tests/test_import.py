"""Importing the package is light."""

from __future__ import annotations

from typing import Any

HEAVY = ["grpc", "opentelemetry.sdk", "opentelemetry.exporter", "click", "rich", "ulid", "asyncio", "subprocess"]


def test_the_package_loads_the_api_and_msgspec_and_nothing_heavy(python: Any) -> None:
    """A decorated module costs a command line tool little."""
    done = python(
        f"""
        import sys
        import patternspan
        print([name for name in {HEAVY} if name in sys.modules])
        print("opentelemetry.trace" in sys.modules, "msgspec" in sys.modules)
        """
    )
    assert done.stdout == "[]\nTrue True\n"


def test_a_recorded_run_loads_nothing_heavy_either(python: Any) -> None:
    """The SDK where an exporter is wanted, subprocess where a tool is run."""
    done = python(
        f"""
        import sys
        from patternspan import PatternRun, current_run, job, pattern_span, step

        @pattern_span
        def work():
            run = current_run()
            run.select()
            with run.validating(), run.executing():
                pass
        with job(), step():
            work()
        print([name for name in {HEAVY} if name in sys.modules])
        """
    )
    assert done.stdout == "[]\n"


def test_a_part_that_another_thread_loads_during_a_fork_can_be_loaded_in_the_child(python: Any) -> None:
    """A module that was half loaded when a process forked stays locked in the child; so none is begun then."""
    done = python(
        """
        import importlib.abc
        import os
        import signal
        import sys
        import threading
        import time

        begun, wanted = threading.Event(), threading.Event()

        class Slow(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                if name == "patternspan.compat" and os.getpid() == parent:
                    begun.set()
                    time.sleep(1)

        def before():
            wanted.set()
            begun.wait(0.3)

        parent = os.getpid()
        sys.meta_path.insert(0, Slow())
        os.register_at_fork(before=before)  # earlier than the package's own: it runs after that

        import patternspan

        def reach():
            wanted.wait()
            patternspan.emit_pattern_event

        thread = threading.Thread(target=reach)
        thread.start()
        child = os.fork()
        if not child:
            signal.alarm(10)
            patternspan.emit_pattern_event
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        thread.join()
        """
    )
    assert done.stdout == "0\n"
