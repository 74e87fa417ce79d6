"""The command line of `tocsin-server`: a module a verb; flags and variables, as settings."""

import logging
from collections.abc import Sequence

import click
from pythonjsonlogger.json import JsonFormatter

from tocsin_server.app import CannotListen, CannotOpen
from tocsin_server.cli.announcing import CannotAnnounce
from tocsin_server.cli.backup import backup
from tocsin_server.cli.doctor import doctor
from tocsin_server.cli.restore import restore
from tocsin_server.cli.serve import serve
from tocsin_server.store.backup.copy import CannotCopy


@click.group()
@click.version_option(package_name="tocsin", prog_name="tocsin-server")
def program() -> None:
    """Serves notification inboxes over gRPC, and maintains their store."""


for _verb in (serve, backup, restore, doctor):
    program.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Runs the program, and returns its exit code.

    What an operator got wrong is one line on stderr, and 2.
    """
    _log_as_json()
    try:
        code = program.main(list(arguments), prog_name="tocsin-server", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_text:
        click.echo(help_text.format_message())
        return 2
    except click.ClickException as mistake:
        problem = " ".join(mistake.format_message().split())
    except (CannotAnnounce, CannotCopy, CannotListen, CannotOpen) as failure:
        problem = " ".join(str(failure).split())
    except click.Abort:
        return 130
    else:
        return code if isinstance(code, int) else 0
    click.echo(f"tocsin-server: {problem}", err=True)
    return 2


def _log_as_json() -> None:
    """Writes the log to stderr, an object a line."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
