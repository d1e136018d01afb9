"""The pages for people: their fenced blocks, and running them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from commands import environment

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One fenced block."""

    language: str
    text: str

    @property
    def lines(self):
        """Its lines without blank ones."""
        return [line for line in self.text.splitlines() if line.strip()]


def text_of(page):
    """Return a page, by its path from the top of the project."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """Return the fenced blocks of a page, in order."""
    return [Block(*match) for match in _FENCE.findall(text_of(page))]


def python_blocks(page):
    """Return each Python block with what stands right after it as what it prints and what it logs."""
    found = blocks(page)
    return [
        (block.text, next((other.text for other in found[at + 1 : at + 2] if other.language == "text"), None))
        for at, block in enumerate(found)
        if block.language == "python"
    ]


def play(script, folder, **variables):
    """Run a script in a folder that holds a LICENSE; return what it printed, once it has ended well."""
    path = Path(folder) / "app.py"
    path.write_text(script, encoding="utf-8")
    (Path(folder) / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    done = subprocess.run(
        [sys.executable, "-W", "error", path], cwd=folder, env=environment(**variables), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def shell_commands(page):
    """Return the lines of the shell blocks of a page, without comments."""
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.lines]
    return [line.partition("  #")[0].strip() for line in lines if not line.startswith("#")]


def links(page):
    """Return where the links of a page lead, but for those out of the project."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
    return [target for target in targets if "://" not in target]
