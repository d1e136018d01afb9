"""`patternspan completion`: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from patternspan.cli.options import shared


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@shared()
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash  eval "$(patternspan completion bash)"
    zsh   eval "$(patternspan completion zsh)"
    fish  patternspan completion fish | source
    """  # noqa: D301
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    from patternspan.cli.group import main

    click.echo(found(main, {}, "patternspan", "_PATTERNSPAN_COMPLETE").source())
