"""`backup`: copies the store, while a server may be writing to it."""

from pathlib import Path

import click

from tocsin_server.cli.announcing import announce
from tocsin_server.cli.interrupting import end_orderly
from tocsin_server.cli.parameters import database_url_option
from tocsin_server.store.backup.copy import back_up


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@database_url_option
def backup(file: Path, database_url: str) -> None:
    """Copies the store to a new FILE. A server may be using the store.

    The copy is one snapshot. It is checked and synced before FILE appears.
    """
    end_orderly()
    size = back_up(database_url, file)
    announce(f"backed up to {file}: {size:,} bytes")
