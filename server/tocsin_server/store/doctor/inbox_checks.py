"""Checks inboxes: compares their counters and revisions with their rows.

A page of inboxes is read from one snapshot of the store, so writes of a running
server are never taken for faults. A recount counts the notifications as they
will be after the repair of their own faults (see `repair`).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from tocsin_server.domain.model.counters import ChannelCounters, Counters
from tocsin_server.store.doctor.findings import Finding, Kind
from tocsin_server.store.doctor.row_checks import (
    CHECKED_ROWS,
    UNREAD,
    UNSEEN,
    VALID,
    WRONG_NOTIFICATIONS,
    WRONG_REVISIONS,
)
from tocsin_server.store.schema.tables import (
    inbox_channels,
    inboxes,
    marks,
    messages,
    notifications,
)

PAGE_INBOXES = 200
"""How many inboxes are read from one snapshot."""

_ZERO = Counters(0, 0, 0)


class FaultyInbox(NamedTuple):
    """An inbox with faults, and the values that repair it.

    Attributes:
        revision: the inbox's revision when it was checked.
        highest: the highest revision of the inbox and of its rows.
        counters: the recounted counters of the inbox.
        channels: the recounted counters of the channels whose counters are wrong.
    """

    inbox_id: int
    revision: int
    highest: int
    counters: Counters
    channels: Sequence[ChannelCounters]
    findings: Sequence[Finding]


class CheckedPage(NamedTuple):
    """The result of checking a page of inboxes.

    Attributes:
        last: the number of the page's last inbox; None after the last page.
        inboxes: how many inboxes were checked.
        notifications: how many rows of notifications were checked.
        faulty: the inboxes with faults.
    """

    last: int | None
    inboxes: int
    notifications: int
    faulty: Sequence[FaultyInbox]


class _Range(NamedTuple):
    """A range of inbox numbers: above `after`, up to and including `last`."""

    after: int
    last: int

    def has(self, inbox_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Returns the condition that an inbox number is in the range."""
        return (inbox_id > self.after) & (inbox_id <= self.last)


class _PageRows(NamedTuple):
    """What was read about the inboxes of a page, each by inbox number.

    Attributes:
        recounts: the rows of `_recount`.
        channels: the rows of `_wrong_channels`.
        revisions: how many rows each of `WRONG_REVISIONS` finds.
        last_marks: the revision of the latest mark.
    """

    recounts: dict[int, Row[Any]]
    channels: dict[int, list[Row[*tuple[Any, ...]]]]
    revisions: Sequence[tuple[Kind, str, dict[int, int]]]
    last_marks: dict[int, int]


def check_inboxes(connection: Connection, after: int, limit: int = PAGE_INBOXES) -> CheckedPage:
    """Checks the next `limit` inboxes after a number."""
    heads = connection.execute(
        select(inboxes).where(inboxes.c.inbox_id > after).order_by(inboxes.c.inbox_id).limit(limit)
    ).all()
    if not heads:
        return CheckedPage(None, 0, 0, ())
    page = _Range(after, heads[-1].inbox_id)
    rows = _read(connection, page)
    checked = [_check_inbox(head, rows) for head in heads]
    faulty = [inbox for inbox in checked if inbox.findings]
    notification_count = sum(recount.rows for recount in rows.recounts.values())
    return CheckedPage(page.last, len(heads), notification_count, faulty)


def _read(connection: Connection, page: _Range) -> _PageRows:
    """Recounts the rows of the inboxes of a page."""
    channels = defaultdict(list)
    for row in connection.execute(_wrong_channels(page)):
        channels[row[0]].append(row)
    last_marks = (
        select(marks.c.inbox_id, func.max(marks.c.revision))
        .where(page.has(marks.c.inbox_id))
        .group_by(marks.c.inbox_id)
    )
    return _PageRows(
        {row.inbox_id: row for row in connection.execute(_recount(page))},
        channels,
        [
            (kind, what, _pairs(connection, _by_inbox(keys, page)))
            for kind, keys, what in WRONG_REVISIONS
        ],
        _pairs(connection, last_marks),
    )


def _check_inbox(head: Row[Any], rows: _PageRows) -> FaultyInbox:
    """Compares the revisions and counters of an inbox with its rows; findings may be empty."""
    where = f"inbox {head.tenant}/{head.user_id}"
    inbox_id, revision, oldest = head.inbox_id, head.revision, head.oldest_revision
    recount, counters = rows.recounts.get(inbox_id), _ZERO
    highest = rows.last_marks.get(inbox_id, 0)
    wrong: list[tuple[Kind, int, str]] = []
    if recount:
        highest = max(highest, recount.changed, recount.arrived)
        counters = Counters(recount.total, recount.unread, recount.unseen)
        wrong += [
            (kind, getattr(recount, kind.name), what)
            for kind, (_, what) in WRONG_NOTIFICATIONS.items()
        ]
    wrong += [(kind, counts.get(inbox_id, 0), what) for kind, what, counts in rows.revisions]
    findings = [
        Finding(kind, where, f"{number} {what}", "none") for kind, number, what in wrong if number
    ]
    if highest > revision:
        findings.append(Finding(Kind.HEAD, where, f"revision {revision}", f"{highest} or more"))
    if not 0 <= oldest <= revision:
        found, expected = f"oldest revision {oldest}", f"0 to {revision}"
        findings.append(Finding(Kind.OLDEST_REVISION, where, found, expected))
    stored = Counters(head.total_count, head.unread_count, head.unseen_count)
    if stored != counters:
        findings.append(Finding(Kind.COUNTERS, where, _text(stored), _text(counters)))
    channels = []
    for row in rows.channels.get(inbox_id, ()):
        channel_id, counts = row[1], row[2:]
        found = _text(Counters(*counts[:3]))
        channels.append(ChannelCounters(channel_id, Counters(*counts[3:])))
        expected = _text(channels[-1].counters)
        channel = f"{where} channel {channel_id}"
        findings.append(Finding(Kind.CHANNEL_COUNTERS, channel, found, expected))
    return FaultyInbox(inbox_id, revision, max(highest, revision), counters, channels, findings)


def _recount(page: _Range) -> Select[Any]:
    """Counts the notifications of each inbox, and those with each kind of fault."""
    return (
        select(
            notifications.c.inbox_id,
            func.count().label("rows"),
            func.count().filter(VALID).label("total"),
            func.count().filter(UNREAD).label("unread"),
            func.count().filter(UNSEEN).label("unseen"),
            func.max(notifications.c.revision).label("changed"),
            func.max(notifications.c.arrive_revision).label("arrived"),
            *(
                func.count().filter(wrong).label(kind.name)
                for kind, (wrong, _) in WRONG_NOTIFICATIONS.items()
            ),
        )
        .select_from(CHECKED_ROWS)
        .where(page.has(notifications.c.inbox_id))
        .group_by(notifications.c.inbox_id)
    )


def _wrong_channels(page: _Range) -> Select[*tuple[Any, ...]]:
    """Returns the counters of channels that differ from a recount: stored ones, then recounted."""
    zeros = [literal(0).label(f"no_{name}") for name in Counters._fields]
    stored = select(
        inbox_channels.c.inbox_id,
        inbox_channels.c.channel_id,
        *(inbox_channels.c[f"{name}_count"] for name in Counters._fields),
        *zeros,
    ).where(page.has(inbox_channels.c.inbox_id))
    recounted = (
        select(
            notifications.c.inbox_id,
            messages.c.channel_id,
            *zeros,
            *(case((each, 1), else_=0) for each in (VALID, UNREAD, UNSEEN)),
        )
        .select_from(CHECKED_ROWS)
        .where(page.has(notifications.c.inbox_id), VALID)
    )
    inbox_id, channel_id, *counts = union_all(stored, recounted).subquery().c
    sums = [cast(func.sum(each), BigInteger) for each in counts]
    differ = (found != expected for found, expected in zip(sums[:3], sums[3:], strict=True))
    return (
        select(inbox_id, channel_id, *sums)
        .group_by(inbox_id, channel_id)
        .having(or_(*differ))
        .order_by(inbox_id, channel_id)
    )


def _by_inbox(keys: Select[Any], page: _Range) -> Select[Any]:
    """Counts the rows that a query of keys finds, by inbox."""
    inbox_id, _ = keys.selected_columns
    found = keys.where(page.has(inbox_id)).subquery()
    return select(found.c.inbox_id, func.count()).group_by(found.c.inbox_id)


def _pairs(connection: Connection, query: Select[Any]) -> dict[int, int]:
    return dict(tuple(row) for row in connection.execute(query))


def _text(counters: Counters) -> str:
    return f"{counters.total} total, {counters.unread} unread, {counters.unseen} unseen"
