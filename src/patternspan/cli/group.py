"""The group `patternspan`: its commands by name, and how errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from patternspan.cli.options import shared
from patternspan.errors import ConfigError, LineError, NotFoundError, PatternspanError

OK: Final = 0
RUN_FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
INVALID: Final = 4
INTERRUPTED: Final = 130

COMMANDS: Final = {
    "demo": "patternspan.cli.demo:demo",
    "events": "patternspan.cli.events:events",
    "runs": "patternspan.cli.runs:runs",
    "run": "patternspan.cli.run:run",
    "diff": "patternspan.cli.diff:diff",
    "stats": "patternspan.cli.stats:stats",
    "exec": "patternspan.cli.exec:exec_command",
    "recover": "patternspan.cli.recover:recover",
    "import": "patternspan.cli.import_:import_command",
    "export": "patternspan.cli.export:export",
    "replay": "patternspan.cli.replay:replay",
    "deliver": "patternspan.cli.deliver:deliver",
    "validate": "patternspan.cli.validate:validate",
    "validate-pattern-event": "patternspan.cli.validate:validate_pattern_event",
    "validate-pattern-run": "patternspan.cli.validate:validate_pattern_run",
    "ingest": "patternspan.cli.ingest:ingest",
    "store": "patternspan.cli.store:store",
    "serve": "patternspan.cli.serve:serve",
    "audit": "patternspan.cli.audit:audit",
    "log": "patternspan.cli.log:log",
    "doctor": "patternspan.cli.doctor:doctor",
    "completion": "patternspan.cli.completion:completion",
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is named, and only that one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the table, which is that of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of this name, or None where this installation has none."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            return None
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name those that are close to what was typed."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of ours become a line and an exit code."""
        return guarded(ctx, lambda: super(LazyGroup, self).invoke(ctx))


class GuardedCommand(click.Command):
    """A command that is also a console script of its own."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of ours become a line and an exit code."""
        return guarded(ctx, lambda: super(GuardedCommand, self).invoke(ctx))


def guarded(ctx: click.Context, body: Any) -> Any:
    """Call `body`; what a user can meet ends with a line and an exit code, never with a traceback."""
    try:
        return body()
    except BrokenPipeError:
        silence_stdout()
        ctx.exit(OK)
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)
    except OSError as error:
        silence_stdout()
        from patternspan.hidden import visible

        place = error.filename if error.filename is not None else "standard output"
        click.echo(visible(f"patternspan: {place}: {error.strerror or error}"), err=True)
        ctx.exit(RUN_FAILED)
    except PatternspanError as error:
        from patternspan.aggregate.plain import visible

        lines = [visible(line) for line in str(error).splitlines()]
        click.echo("patternspan: " + "\n".join(lines), err=True)
        ctx.exit(exit_code_of(error))


def exit_code_of(error: PatternspanError) -> int:
    """Return the exit code that stands for this error."""
    if isinstance(error, NotFoundError):
        return NOT_FOUND
    if isinstance(error, ConfigError):
        return USAGE
    return INVALID if isinstance(error, (LineError, ValueError)) else RUN_FAILED


def exit_for_unread(named: Sequence[str], unread: int) -> None:
    """End with `NOT_FOUND` where a file that was named on the command line could not be read."""
    if named and unread:
        click.get_current_context().exit(NOT_FOUND)


def silence_stdout() -> None:
    """Send nowhere what is still buffered: its reader has gone, and the interpreter will flush at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 the run failed, 2 usage, 3 not found, 4 invalid data, 130 interrupted.",
)
@shared(hidden=False)
@click.version_option(package_name="patternspan", message="%(prog)s %(version)s")
def main() -> None:
    """See what pattern runs do: their events as they happen, their results, and why one failed."""
