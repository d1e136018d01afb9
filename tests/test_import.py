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
