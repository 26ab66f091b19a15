"""`hpo`: the subcommands, and the one place where a user's error becomes a message and an exit code.

Exit codes: 0 done, 1 `hpo verify` found a difference, 2 something the user can mend, 3 `hpo stop` stopped the run,
130 Ctrl-C, 143 SIGTERM.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
import typer.core

from hpo import __version__
from hpo.cli import (
    assets,
    audit,
    augment,
    check,
    clean,
    cluster,
    compare,
    export,
    export_records,
    fetch,
    import_runs,
    predict,
    report,
    retry,
    run,
    schema,
    status,
    stop,
    ui,
    verify,
)
from hpo.cli.words import printable
from hpo.errors import UserError

EXAMPLE = """\
Example:

  $ hpo run --space lr_schedules
  trial 1/100: constant, replicate 0, draw 0: complete, ...
  ...
  report: results/lr_schedules/report.html
  next: hpo ui --space lr_schedules
"""

INTERRUPTED = 130
# The class of every usage error; typer has no public name for it.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


class Commands(typer.core.TyperGroup):
    """The group of all subcommands, with one answer to Ctrl-C."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen subcommand."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    epilog=EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,  # they print local variables, which hold the user's texts
)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("check", epilog=check.EXAMPLE)(check.check)
app.command("augment", epilog=augment.EXAMPLE)(augment.augment)
app.command("status", epilog=status.EXAMPLE)(status.status)
app.command("stop", epilog=stop.EXAMPLE)(stop.stop)
app.command("retry", epilog=retry.EXAMPLE)(retry.retry)
app.command("report", epilog=report.EXAMPLE)(report.report)
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.command("verify", epilog=verify.EXAMPLE)(verify.verify)
app.command("audit", epilog=audit.EXAMPLE)(audit.audit)
app.command("export", epilog=export.EXAMPLE)(export.export)
app.command("predict", epilog=predict.EXAMPLE)(predict.predict)
app.command("import", epilog=import_runs.EXAMPLE)(import_runs.import_)
app.command("export-records", epilog=export_records.EXAMPLE)(export_records.export_records)
app.command("ui", epilog=ui.EXAMPLE)(ui.ui)
app.command("cluster", epilog=cluster.EXAMPLE)(cluster.cluster)
app.command("clean", epilog=clean.EXAMPLE)(clean.clean)
app.command("assets", epilog=assets.EXAMPLE)(assets.assets)
app.command("fetch", epilog=fetch.EXAMPLE)(fetch.fetch)
app.command("schema", epilog=schema.EXAMPLE)(schema.schema)


@app.callback()
def hpo(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Which fine-tuning strategy wins on my task, by how much, and how sure are we?"""
    if version:
        print(f"hpo {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main() -> None:
    """The console script. What it and its processes write is for this user alone."""
    os.umask(0o077)
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run the command line ``arguments`` and return its exit code."""
    try:
        code = app(args=arguments, prog_name="hpo", standalone_mode=False)
    except UserError as error:
        return _fail(error.message, error.hint)
    except OSError as error:
        return _fail(*_system(error))
    except USAGE_ERROR as error:
        return _fail(*_usage(error, arguments))
    return code if isinstance(code, int) else 0


def _usage(error: Any, arguments: list[str]) -> tuple[str, str]:
    """Message and hint of an error that typer found in the arguments. Its parser does not tell the subcommand."""
    known = [command.name for command in app.registered_commands]
    command = " ".join(["hpo", *(word for word in arguments[:1] if word in known)])
    return error.format_message(), f"Run `{command} --help` for what it takes and an example."


def _system(error: OSError) -> tuple[str, str]:
    """Message and hint of what the operating system refused."""
    reason = error.strerror or (str(error).splitlines() or [type(error).__name__])[0]
    message = reason if error.filename is None else f"{error.filename}: {reason}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return message, "Free some space; then give the same command again."
    return message, "Name a place that this user may write, or mend what stands there; then try again."


def _fail(message: str, hint: str) -> int:
    # Names and labels come from files: what would move a terminal's cursor, or change its title, is a blank.
    print("\n".join(map(printable, f"error: {message}\nhint: {hint}".split("\n"))), file=sys.stderr)
    return 2
