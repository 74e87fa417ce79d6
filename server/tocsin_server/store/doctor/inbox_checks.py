"""Judging inboxes: what their rows say, against the counters and revisions that they have.

A page of inboxes is judged at one moment of the store, so that a server that
writes meanwhile is never taken for a fault. A recount is of the notifications
as they are once their own faults are mended: see `mending`.
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
    JUDGED,
    SOUND,
    UNREAD,
    UNSEEN,
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
"""How many inboxes are judged at one moment."""

_NOTHING = Counters(0, 0, 0)


class Case(NamedTuple):
    """An inbox in which something is wrong, as it was at a revision.

    Attributes:
        highest: the highest revision that anything in it has.
        counters: what a recount gives.
        channels: what a recount gives for those channels whose counters are wrong.
    """

    inbox_id: int
    revision: int
    highest: int
    counters: Counters
    channels: Sequence[ChannelCounters]
    findings: Sequence[Finding]


class Judged(NamedTuple):
    """What a page of inboxes came to; `last` is None behind the last page."""

    last: int | None
    inboxes: int
    notifications: int
    cases: Sequence[Case]


class _Range(NamedTuple):
    """Inboxes by their numbers: those above the first, up to the last."""

    after: int
    last: int

    def has(self, inbox_id: ColumnElement[int]) -> ColumnElement[bool]:
        """Returns the condition that an inbox is among them."""
        return (inbox_id > self.after) & (inbox_id <= self.last)


class _Rows(NamedTuple):
    """What the rows of a page say, by inbox."""

    recounts: dict[int, Row[Any]]
    channels: dict[int, list[Row[*tuple[Any, ...]]]]
    revisions: Sequence[tuple[Kind, str, dict[int, int]]]
    marked: dict[int, int]


def judge(connection: Connection, after: int, limit: int = PAGE_INBOXES) -> Judged:
    """Judges the next inboxes behind a number."""
    heads = connection.execute(
        select(inboxes).where(inboxes.c.inbox_id > after).order_by(inboxes.c.inbox_id).limit(limit)
    ).all()
    if not heads:
        return Judged(None, 0, 0, ())
    page = _Range(after, heads[-1].inbox_id)
    rows = _read(connection, page)
    cases = [_case(head, rows) for head in heads]
    number = sum(recount.rows for recount in rows.recounts.values())
    return Judged(page.last, len(heads), number, [each for each in cases if each.findings])


def _read(connection: Connection, page: _Range) -> _Rows:
    """Reads what the rows of some inboxes say."""
    channels = defaultdict(list)
    for row in connection.execute(_wrong_channels(page)):
        channels[row[0]].append(row)
    marked = (
        select(marks.c.inbox_id, func.max(marks.c.revision))
        .where(page.has(marks.c.inbox_id))
        .group_by(marks.c.inbox_id)
    )
    return _Rows(
        {row.inbox_id: row for row in connection.execute(_recount(page))},
        channels,
        [
            (kind, what, _pairs(connection, _by_inbox(keys, page)))
            for kind, keys, what in WRONG_REVISIONS
        ],
        _pairs(connection, marked),
    )


def _case(head: Row[Any], rows: _Rows) -> Case:
    """Compares an inbox's head and counters with its rows."""
    where = f"inbox {head.tenant}/{head.user_id}"
    number, at, oldest = head.inbox_id, head.revision, head.oldest_revision
    recount, highest, counters = rows.recounts.get(number), rows.marked.get(number, 0), _NOTHING
    wrong: list[tuple[Kind, int, str]] = []
    if recount:
        highest = max(highest, recount.changed, recount.arrived)
        counters = Counters(recount.total, recount.unread, recount.unseen)
        wrong += [
            (kind, getattr(recount, kind.name), what)
            for kind, (_, what) in WRONG_NOTIFICATIONS.items()
        ]
    wrong += [(kind, counts.get(number, 0), what) for kind, what, counts in rows.revisions]
    findings = [
        Finding(kind, where, f"{many} {what}", "none") for kind, many, what in wrong if many
    ]
    if highest > at:
        findings.append(Finding(Kind.HEAD, where, f"revision {at}", f"{highest} or more"))
    if not 0 <= oldest <= at:
        found, expected = f"oldest revision {oldest}", f"0 to {at}"
        findings.append(Finding(Kind.OLDEST_REVISION, where, found, expected))
    counted = Counters(head.total_count, head.unread_count, head.unseen_count)
    if counted != counters:
        findings.append(Finding(Kind.COUNTERS, where, _told(counted), _told(counters)))
    channels = []
    for row in rows.channels.get(number, ()):
        channel_id, counts = row[1], row[2:]
        place, found = f"{where} channel {channel_id}", _told(Counters(*counts[:3]))
        channels.append(ChannelCounters(channel_id, Counters(*counts[3:])))
        expected = _told(channels[-1].counters)
        findings.append(Finding(Kind.CHANNEL_COUNTERS, place, found, expected))
    return Case(number, at, max(highest, at), counters, channels, findings)


def _recount(page: _Range) -> Select[Any]:
    """Counts, by inbox, its notifications and what is wrong with them."""
    return (
        select(
            notifications.c.inbox_id,
            func.count().label("rows"),
            func.count().filter(SOUND).label("total"),
            func.count().filter(UNREAD).label("unread"),
            func.count().filter(UNSEEN).label("unseen"),
            func.max(notifications.c.revision).label("changed"),
            func.max(notifications.c.arrive_revision).label("arrived"),
            *(
                func.count().filter(wrong).label(kind.name)
                for kind, (wrong, _) in WRONG_NOTIFICATIONS.items()
            ),
        )
        .select_from(JUDGED)
        .where(page.has(notifications.c.inbox_id))
        .group_by(notifications.c.inbox_id)
    )


def _wrong_channels(page: _Range) -> Select[*tuple[Any, ...]]:
    """Compares the counters of channels with a recount, and gives both where they differ."""
    zeros = [literal(0).label(f"no_{name}") for name in Counters._fields]
    counted = select(
        inbox_channels.c.inbox_id,
        inbox_channels.c.channel_id,
        *(inbox_channels.c[f"{name}_count"] for name in Counters._fields),
        *zeros,
    ).where(page.has(inbox_channels.c.inbox_id))
    rows = (
        select(
            notifications.c.inbox_id,
            messages.c.channel_id,
            *zeros,
            *(case((each, 1), else_=0) for each in (SOUND, UNREAD, UNSEEN)),
        )
        .select_from(JUDGED)
        .where(page.has(notifications.c.inbox_id), SOUND)
    )
    inbox_id, channel_id, *counts = union_all(counted, rows).subquery().c
    sums = [cast(func.sum(each), BigInteger) for each in counts]
    differ = (found != expected for found, expected in zip(sums[:3], sums[3:], strict=True))
    return (
        select(inbox_id, channel_id, *sums)
        .group_by(inbox_id, channel_id)
        .having(or_(*differ))
        .order_by(inbox_id, channel_id)
    )


def _by_inbox(keys: Select[Any], page: _Range) -> Select[Any]:
    """Counts the rows whose keys a query gives, by inbox."""
    inbox_id, _ = keys.selected_columns
    found = keys.where(page.has(inbox_id)).subquery()
    return select(found.c.inbox_id, func.count()).group_by(found.c.inbox_id)


def _pairs(connection: Connection, query: Select[Any]) -> dict[int, int]:
    return dict(tuple(row) for row in connection.execute(query))


def _told(counters: Counters) -> str:
    return f"{counters.total} total, {counters.unread} unread, {counters.unseen} unseen"
