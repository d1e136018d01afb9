"""The four phases of a run: a pattern is chosen, its template filled in, what must hold is checked, a tool executed."""

from __future__ import annotations

import os
import shlex
import sys
from string import Template

from patternspan import current_run, pattern_span

TEMPLATES = {
    "PAT-SORT-001": Template("$python -c 'import sys; print(*sorted(sys.argv[1:]))' $words"),
    "PAT-REVERSE-001": Template("$python -c 'import sys; print(*sys.argv[:0:-1])' $words"),
}


@pattern_span("PAT-SORT-001", operation_kind="ordering", pattern_version="1.2")
def order(words: list[str], folder: str) -> dict[str, str] | None:
    run = current_run()
    with run.selecting(TEMPLATES, context={"words": len(words)}) as selection:
        selection.resolve("PAT-SORT-001", method="auto", inputs={"words": words})
    with run.expanding() as expansion:
        variables = {"python": shlex.quote(sys.executable), "words": shlex.join(words)}
        argv = shlex.split(TEMPLATES[run.pattern_id].substitute(variables))
        expansion.resolved(variables)
        expansion.command(argv)
    with run.validating(checks=["folder is there"]) as validation:
        validation.check("folder is there", os.path.isdir(folder), f"{folder}: no such folder")
    if not validation.ok:
        return None  # the run has ended here, as failed
    result = run.command(argv, cwd=folder, timeout=30)
    return {"ordered": result.stdout.strip()}


if __name__ == "__main__":
    print(order(["pear", "apple", "fig"], "."))
    print(order(["pear", "apple", "fig"], "nowhere"))
