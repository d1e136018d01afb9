"""The quick reference shows the help as it is."""

import os
from pathlib import Path

import click
from screens import calm  # noqa: F401

from patternspan.cli import main
from patternspan.cli.group import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "quick-reference.md"
BEGIN, END = "<!-- help: begin -->", "<!-- help: end -->"


def help_text():
    """Return the help of the group and of each command, as Markdown."""
    context = click.Context(main, info_name="patternspan", terminal_width=88, **main.context_settings)
    parts = [f"### patternspan\n\n```text\n{main.get_help(context)}\n```\n"]
    for name in COMMANDS:
        command = main.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, info_name=name, parent=context, terminal_width=88)
        parts.append(f"### patternspan {name}\n\n```text\n{command.get_help(below)}\n```\n")
        for inner, part in getattr(command, "commands", {}).items():
            further = click.Context(part, info_name=inner, parent=below, terminal_width=88)
            parts.append(f"### patternspan {name} {inner}\n\n```text\n{part.get_help(further)}\n```\n")
    return "\n".join(parts)


def test_the_help_in_the_quick_reference_is_current():
    """The page holds what `--help` prints; UPDATE_GOLDEN=1 writes it anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    shown, _, after = rest.partition(END)
    if os.environ.get("UPDATE_GOLDEN"):
        shown = f"\n\n{help_text()}\n"
        PAGE.write_text(before + BEGIN + shown + END + after)
    assert shown == f"\n\n{help_text()}\n"
