"""The ``interlock`` program: gathers the verbs and turns whatever goes wrong into one line and an exit code."""

import os
import sys
from typing import Annotated

import typer
import typer.exceptions

from interlock import __version__
from interlock.base.errors import ConfigurationError, InterlockError, InvariantError, StorageError
from interlock.base.redaction import exception_text
from interlock.base.settings import DEBUG_VARIABLE
from interlock.cli import config, doctor, gateways, init, keys, migrate, operators, payments, sandbox, shop, up, vault
from interlock.cli.drills import group as drills
from interlock.cli.output import ExitCode, RefusedError, complain
from interlock.cli.releases import group as releases
from interlock.cli.replay import nov7

_HELP = """A payment switch: one Stripe-compatible API in front, several gateways behind.

[bold]Start here[/]

  interlock up                 database, API, worker and two sandbox gateways; prints keys and a curl

  interlock doctor             checks everything and says what to do about what is wrong

[bold]Exit codes[/]

  0 done   1 failed   2 wrong use   3 wrong configuration   4 database or gateway unreachable   130 interrupted
"""

app = typer.Typer(
    name="interlock",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"interlock {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


for verb in (
    up,
    init,
    config,
    migrate,
    keys,
    operators,
    gateways,
    releases,
    payments,
    sandbox,
    shop,
    vault,
    nov7,
    drills,
    doctor,
):
    verb.register(app)


def main() -> None:
    """Run the program; the ``interlock`` script calls this."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; a mistake is told in one line, never as a traceback."""
    try:
        ended = app(args=arguments, prog_name="interlock", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - the last resort: a bug is told as such
        return _explain(error)
    return ended if isinstance(ended, int) else ExitCode.OK


def _explain(error: Exception) -> ExitCode:
    """Tell what went wrong in one line and return how the process ends."""
    match error:
        case typer.exceptions.TyperException():
            return _explain_usage(error)
        case ConfigurationError():
            complain(str(error))
            return ExitCode.CONFIGURATION
        case RefusedError():
            complain(str(error))
            return error.code
        case StorageError():
            complain(f"database: {error}; see `interlock doctor`")
            return ExitCode.UNREACHABLE
        case _:
            return _explain_bug(error)


def _explain_usage(error: typer.exceptions.TyperException) -> ExitCode:
    message = error.format_message().strip()
    command = getattr(getattr(error, "ctx", None), "command_path", "interlock")
    if message:
        complain(f"{message.rstrip('.')}; see `{command} --help`")
    return ExitCode.USAGE


def _explain_bug(error: Exception) -> ExitCode:
    if os.environ.get(DEBUG_VARIABLE):
        sys.stderr.write(exception_text(error))
    known = isinstance(error, InterlockError) and not isinstance(error, InvariantError)
    kind = "" if known else f"unexpected {type(error).__name__}: "
    complain(f"{kind}{error}; {DEBUG_VARIABLE}=1 shows the traceback")
    return ExitCode.FAILED


if __name__ == "__main__":
    main()
