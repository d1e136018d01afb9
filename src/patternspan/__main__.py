"""`python -m patternspan` is the command `patternspan`."""

from __future__ import annotations

from patternspan.cli import main

if __name__ == "__main__":
    main(prog_name="patternspan")
