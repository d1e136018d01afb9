"""An executor under `@pattern_span`: what goes in, what comes out, and a failure.

Run it, then look: `patternspan events`.
"""

from __future__ import annotations

from patternspan import current_run, job, pattern_span, step


@pattern_span("PAT-WORDS-001", operation_kind="measurement", capture=["text"])
def count_words(text: str, password: str) -> dict[str, int]:
    """Count words. What is returned becomes the run's result summary; `password` is not captured."""
    if not password:
        raise PermissionError("no password")
    words = text.split()
    if not words:
        raise ValueError("there is no word in it")
    if len(words) < 3:
        current_run().warn("a very short text")
    return {"words": len(words), "longest": max(map(len, words))}


def main() -> None:
    with job("JOB-01KAZG87630EFMN1W0DXAAY139", name="words"):
        for number, text in enumerate(["to be or not to be", "to be", ""], 1):
            with step(f"STEP-{number:03d}"):
                try:
                    print(count_words(text, password="not to be seen"))
                except ValueError as error:
                    print(f"the caller gets the error as ever: {error}")


if __name__ == "__main__":
    main()
