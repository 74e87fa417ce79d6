"""`restore`: a backup in the place of the store, and a new epoch."""

from pathlib import Path

import click

from tocsin_server.cli.announcing import announce
from tocsin_server.cli.interrupting import end_orderly
from tocsin_server.cli.parameters import database_url_option, flag
from tocsin_server.store.backup.restore import begin_new_epoch
from tocsin_server.store.backup.restore import restore as put_back


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@database_url_option
@flag("restore", "--force", "Replace a store that is there, and keep it beside.")
@flag("restore", "--new-epoch", "Put nothing in its place: only begin a new epoch.")
def restore(
    file: Path | None,
    database_url: str,
    force: bool,  # noqa: FBT001  # by name
    new_epoch: bool,  # noqa: FBT001  # by name
) -> None:
    """Puts the backup FILE in the place of the store, which no server may be using.

    The store begins a new epoch: whoever followed the old one starts over with
    a SNAPSHOT. A store that was put back in another way needs --new-epoch.
    """
    end_orderly()
    if (file is None) != new_epoch:
        raise click.UsageError("restore takes FILE, or --new-epoch without FILE.")
    if file is None:
        begin_new_epoch(database_url)
        announce("a new epoch has begun")
        return
    kept = put_back(database_url, file, force=force)
    beside = f"; the old store is kept beside it as {kept.name}" if kept else ""
    announce(f"restored from {file}{beside}")
