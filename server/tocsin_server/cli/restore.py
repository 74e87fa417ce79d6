"""`restore`: replaces the store by a backup, and begins a new epoch."""

from pathlib import Path

import click

from tocsin_server.cli.announcing import announce
from tocsin_server.cli.interrupting import end_orderly
from tocsin_server.cli.parameters import database_url_option, flag
from tocsin_server.store.backup.restore import begin_new_epoch
from tocsin_server.store.backup.restore import restore as restore_store


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@database_url_option
@flag("restore", "--force", "Replace an existing store, and keep it beside the new one.")
@flag("restore", "--new-epoch", "Restore nothing, only begin a new epoch.")
def restore(
    file: Path | None,
    database_url: str,
    force: bool,  # noqa: FBT001  # by name
    new_epoch: bool,  # noqa: FBT001  # by name
) -> None:
    """Replaces the store by the backup FILE. No server may be using the store.

    The store begins a new epoch: every subscriber starts over with a SNAPSHOT.
    A store that was restored in another way needs --new-epoch.
    """
    end_orderly()
    if (file is None) != new_epoch:
        raise click.UsageError("restore takes FILE, or --new-epoch without FILE.")
    if file is None:
        begin_new_epoch(database_url)
        announce("a new epoch has begun")
        return
    kept = restore_store(database_url, file, force=force)
    beside = f"; the old store is kept beside it as {kept.name}" if kept else ""
    announce(f"restored from {file}{beside}")
