"""Mending inboxes: rows that contradict themselves, and counters that contradict the rows.

Whatever is mended changes the inbox, so it takes its next revision; and since
nobody knows what those who follow it hold, it begins another life: its cursors
get SNAPSHOT, from a server that runs at its next sweep. Counters so stay those
of the revision that they are given with.

What is to be done is found out while others may write, and done in a short
transaction only where the inbox still is at the revision that was looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from secrets import randbits
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from tocsin_server.domain.model.counters import Counters
from tocsin_server.store.doctor.findings import Kind
from tocsin_server.store.doctor.inbox_checks import Case, Judged, judge
from tocsin_server.store.doctor.row_checks import WrongRows, wrong_rows
from tocsin_server.store.offline import Visit
from tocsin_server.store.schema.tables import (
    inbox_channels,
    inboxes,
    marks,
    messages,
    notifications,
)

ROUNDS = 50
"""How often an inbox is looked at: it is mended some rows at a time, and may change meanwhile."""

_row = (
    notifications.c.inbox_id == bindparam("inbox"),
    notifications.c.arrive_revision == bindparam("arrived"),
)
_FORGET = delete(notifications).where(*_row)
_CHANGE = update(notifications).where(*_row).values(revision=bindparam("at"))
_MENDS: Mapping[Kind, Any] = {
    # Nobody can be shown it.
    Kind.NO_MESSAGE: _FORGET,
    # Nobody of this tenant may be shown it.
    Kind.TENANT: _FORGET,
    Kind.TOMBSTONE: _FORGET,
    Kind.REVISION: _CHANGE,
    Kind.REVISION_TWICE: _CHANGE,
    Kind.STATE: update(notifications).where(*_row).values(seen_time=notifications.c.read_time),
    Kind.CHANNEL: update(notifications)
    .where(*_row)
    .values(
        channel_id=select(messages.c.channel_id)
        .where(messages.c.sequence == notifications.c.sequence)
        .scalar_subquery()
    ),
}
"""What is done with a row of which something is wrong."""

_FORGET_MARK = delete(marks).where(
    marks.c.inbox_id == bindparam("inbox"), marks.c.revision == bindparam("arrived")
)
_COUNTERS: Mapping[str, BindParameter[int]] = {
    f"{name}_count": bindparam(f"{name}_now") for name in ("total", "unread", "unseen")
}
_of_channel = (
    inbox_channels.c.inbox_id == bindparam("inbox"),
    inbox_channels.c.channel_id == bindparam("channel"),
)
_FORGET_CHANNEL = delete(inbox_channels).where(*_of_channel)
_COUNT_CHANNEL = insert(inbox_channels).values(
    inbox_id=bindparam("inbox"), channel_id=bindparam("channel"), **_COUNTERS
)
_RENEW = (
    update(inboxes)
    .where(inboxes.c.inbox_id == bindparam("inbox"), inboxes.c.revision == bindparam("seen"))
    .values(
        revision=bindparam("at"),
        oldest_revision=bindparam("at"),
        incarnation=bindparam("life"),
        **_COUNTERS,
    )
)


def mend(visit: Visit, inbox_id: int) -> bool:
    """Mends an inbox; returns whether nothing is wrong with it any more."""
    for _ in range(ROUNDS):
        judged, rows = visit.read(lambda connection: _look(connection, inbox_id))
        if not judged.cases:
            return True
        (case,) = judged.cases
        visit.write(_renewal(case, rows))
    return False


def _look(connection: Connection, inbox_id: int) -> tuple[Judged, WrongRows]:
    return judge(connection, inbox_id - 1, 1), wrong_rows(connection, inbox_id)


def _renewal(case: Case, rows: WrongRows) -> Callable[[Connection], None]:
    """Returns what mends a case in one transaction, if the inbox is as it was."""
    at = case.highest + 1

    def each(arrivals: Sequence[int]) -> list[dict[str, int]]:
        return [{"inbox": case.inbox_id, "arrived": arrived, "at": at} for arrived in arrivals]

    def renew(connection: Connection) -> None:
        renewed = connection.execute(
            _RENEW,
            {
                "inbox": case.inbox_id,
                "seen": case.revision,
                "at": at,
                "life": randbits(62) + 1,
                **_now(case.counters),
            },
        )
        if not renewed.rowcount:
            return
        for kind, arrivals in rows.notifications.items():
            if arrivals:
                connection.execute(_MENDS[kind], each(arrivals))
        if rows.marks:
            connection.execute(_FORGET_MARK, each(rows.marks))
        for channel_id, counters in case.channels:
            names = {"inbox": case.inbox_id, "channel": channel_id}
            connection.execute(_FORGET_CHANNEL, names)
            if counters.total:
                connection.execute(_COUNT_CHANNEL, {**names, **_now(counters)})

    return renew


def _now(counters: Counters) -> dict[str, int]:
    return {f"{name}_now": number for name, number in counters._asdict().items()}
