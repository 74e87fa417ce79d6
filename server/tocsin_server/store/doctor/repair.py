"""Repairs inboxes: faulty rows, and counters and revisions that disagree with the rows.

A repair changes the inbox, so the inbox takes its next revision. It also takes a
new incarnation, because it is unknown which rows its subscribers hold: every
cursor gets SNAPSHOT, and open streams get it after the server's next sweep. So
counters stay true for the revision that they were sent with.

The faults are found in a read transaction, while a server may write. A short
write transaction then repairs them, if the inbox is still at the revision that
was checked.
"""

from collections.abc import Callable, Mapping, Sequence
from secrets import randbits
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from tocsin_server.domain.model.counters import Counters
from tocsin_server.store.doctor.findings import Kind
from tocsin_server.store.doctor.inbox_checks import (
    CheckedPage,
    FaultyInbox,
    check_inboxes,
)
from tocsin_server.store.doctor.row_checks import WrongRows, wrong_rows
from tocsin_server.store.offline import OfflineStore
from tocsin_server.store.schema.tables import (
    inbox_channels,
    inboxes,
    marks,
    messages,
    notifications,
)

ROUNDS = 50
"""How often an inbox is checked: a round repairs some rows, and the inbox may change meanwhile."""

_row = (
    notifications.c.inbox_id == bindparam("inbox"),
    notifications.c.arrive_revision == bindparam("arrived"),
)
_DELETE = delete(notifications).where(*_row)
_SET_REVISION = update(notifications).where(*_row).values(revision=bindparam("at"))
_REPAIRS: Mapping[Kind, Any] = {
    # There is no message to show.
    Kind.NO_MESSAGE: _DELETE,
    # The message must not be shown to this tenant.
    Kind.TENANT: _DELETE,
    Kind.TOMBSTONE: _DELETE,
    Kind.REVISION: _SET_REVISION,
    Kind.REVISION_TWICE: _SET_REVISION,
    Kind.STATE: update(notifications).where(*_row).values(seen_time=notifications.c.read_time),
    Kind.CHANNEL: update(notifications)
    .where(*_row)
    .values(
        channel_id=select(messages.c.channel_id)
        .where(messages.c.sequence == notifications.c.sequence)
        .scalar_subquery()
    ),
}
"""The statement that repairs a notification with each kind of fault."""

_DELETE_MARK = delete(marks).where(
    marks.c.inbox_id == bindparam("inbox"), marks.c.revision == bindparam("arrived")
)
_COUNTERS: Mapping[str, BindParameter[int]] = {
    f"{name}_count": bindparam(f"{name}_now") for name in ("total", "unread", "unseen")
}
_of_channel = (
    inbox_channels.c.inbox_id == bindparam("inbox"),
    inbox_channels.c.channel_id == bindparam("channel"),
)
_DELETE_CHANNEL = delete(inbox_channels).where(*_of_channel)
_INSERT_CHANNEL = insert(inbox_channels).values(
    inbox_id=bindparam("inbox"), channel_id=bindparam("channel"), **_COUNTERS
)
_UPDATE_INBOX = (
    update(inboxes)
    .where(inboxes.c.inbox_id == bindparam("inbox"), inboxes.c.revision == bindparam("checked"))
    .values(
        revision=bindparam("at"),
        oldest_revision=bindparam("at"),
        incarnation=bindparam("incarnation"),
        **_COUNTERS,
    )
)


def repair_inbox(store: OfflineStore, inbox_id: int) -> bool:
    """Repairs an inbox; returns whether it has no fault left."""
    for _ in range(ROUNDS):
        page, rows = store.read(lambda connection: _check(connection, inbox_id))
        if not page.faulty:
            return True
        (faulty,) = page.faulty
        store.write(_repair_unit(faulty, rows))
    return False


def _check(connection: Connection, inbox_id: int) -> tuple[CheckedPage, WrongRows]:
    return check_inboxes(connection, inbox_id - 1, 1), wrong_rows(connection, inbox_id)


def _repair_unit(inbox: FaultyInbox, rows: WrongRows) -> Callable[[Connection], None]:
    """Returns the unit of work that repairs an inbox, if it is still at the checked revision."""
    revision = inbox.highest + 1

    def keys(revisions: Sequence[int]) -> list[dict[str, int]]:
        return [{"inbox": inbox.inbox_id, "arrived": key, "at": revision} for key in revisions]

    def repair(connection: Connection) -> None:
        updated = connection.execute(
            _UPDATE_INBOX,
            {
                "inbox": inbox.inbox_id,
                "checked": inbox.revision,
                "at": revision,
                "incarnation": randbits(62) + 1,
                **_counter_parameters(inbox.counters),
            },
        )
        if not updated.rowcount:
            return
        for kind, arrivals in rows.notifications.items():
            if arrivals:
                connection.execute(_REPAIRS[kind], keys(arrivals))
        if rows.marks:
            connection.execute(_DELETE_MARK, keys(rows.marks))
        for channel_id, counters in inbox.channels:
            key = {"inbox": inbox.inbox_id, "channel": channel_id}
            connection.execute(_DELETE_CHANNEL, key)
            if counters.total:
                connection.execute(_INSERT_CHANNEL, {**key, **_counter_parameters(counters)})

    return repair


def _counter_parameters(counters: Counters) -> dict[str, int]:
    return {f"{name}_now": number for name, number in counters._asdict().items()}
