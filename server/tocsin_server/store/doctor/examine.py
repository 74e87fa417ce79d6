"""Examining a store: everything that its tables promise each other, recounted.

Each look is a short transaction of its own, of one moment, so that a server may
write meanwhile. What is repaired loses nothing that anybody can still be shown;
what cannot be repaired so is told, and left.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from json import loads
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, delete, func, select, text

from tocsin_server.store import jobs as job_queue
from tocsin_server.store.channel_deletion import DELETE_CHANNEL
from tocsin_server.store.doctor.findings import Finding, Kind
from tocsin_server.store.doctor.inbox_checks import judge
from tocsin_server.store.doctor.repair import mend
from tocsin_server.store.engine.databases import database_url
from tocsin_server.store.job_kinds import KINDS
from tocsin_server.store.jobs import Job
from tocsin_server.store.offline import Visit, visiting
from tocsin_server.store.schema.tables import (
    channels,
    idempotency,
    inbox_channels,
    inboxes,
    jobs,
    marks,
    messages,
    notifications,
)

PAGE_ROWS = 500
"""How many rows one look at anything but inboxes takes."""


class Examined(NamedTuple):
    """How much was looked at."""

    inboxes: int
    notifications: int


def examine(url: str, tell: Callable[[Finding], None], *, repair: bool) -> Examined:
    """Looks at a store, which a server may be using, and tells what is wrong.

    With `repair`, what can be is repaired before it is told.

    Raises:
        CannotOpen: there is no store of this program's schema, or it fails.
    """
    with visiting(database_url(url), current=True) as visit:
        for finding in chain(
            _database(visit),
            _strays(visit, repair=repair),
            _messages(visit),
            _answers(visit),
            _jobs(visit, repair=repair),
        ):
            tell(finding)
        return _inboxes(visit, tell, repair=repair)


def _inboxes(visit: Visit, tell: Callable[[Finding], None], *, repair: bool) -> Examined:
    """Judges every inbox, page by page."""
    after: int | None = 0
    seen = rows = 0
    while after is not None:
        page = visit.read(partial(judge, after=after))
        for case in page.cases:
            repaired = repair and mend(visit, case.inbox_id)
            for finding in case.findings:
                tell(finding._replace(repaired=repaired))
        seen += page.inboxes
        rows += page.notifications
        after = page.last
    return Examined(seen, rows)


def _database(visit: Visit) -> Iterator[Finding]:
    """Has SQLite look at its own file."""

    def look(connection: Connection) -> Sequence[str]:
        if connection.dialect.name != "sqlite":
            return ()
        wrong = [row[0] for row in connection.execute(text("PRAGMA integrity_check"))]
        keys = [
            f"row {row[1]} of {row[0]} refers to no row of {row[2]}"
            for row in connection.execute(text("PRAGMA foreign_key_check"))
        ]
        return [each for each in wrong if each != "ok"] + keys

    for wrong in visit.read(look):
        yield Finding(Kind.DATABASE, "the file", wrong, "ok")


def _strays(visit: Visit, *, repair: bool) -> Iterator[Finding]:
    """Finds what belongs to an inbox that is not there; nobody is ever shown it."""
    for table, what in (
        (notifications, "notifications"),
        (marks, "marks"),
        (inbox_channels, "counters of channels"),
    ):
        after = 0
        while found := visit.read(partial(_without_inbox, table=table, after=after)):
            for inbox_id, number in found:
                if repair:
                    _clear(visit, table, inbox_id)
                where = f"inbox number {inbox_id}"
                yield Finding(Kind.NO_INBOX, where, f"{number} {what}", "an inbox", repair)
            after = found[-1][0]


def _without_inbox(connection: Connection, table: Table, after: int) -> Sequence[Any]:
    """Counts a table's rows of inboxes that are not there."""
    there = select(inboxes.c.inbox_id).where(inboxes.c.inbox_id == table.c.inbox_id).exists()
    return connection.execute(
        select(table.c.inbox_id, func.count())
        .where(table.c.inbox_id > after, ~there)
        .group_by(table.c.inbox_id)
        .order_by(table.c.inbox_id)
        .limit(PAGE_ROWS)
    ).all()


def _clear(visit: Visit, table: Table, inbox_id: int) -> None:
    """Deletes a table's rows of an inbox that is not there, some at a time."""
    key = list(table.primary_key.columns)[1]
    some = select(key).where(table.c.inbox_id == inbox_id).limit(PAGE_ROWS)
    there = select(inboxes.c.inbox_id).where(inboxes.c.inbox_id == inbox_id).exists()
    clear = delete(table).where(table.c.inbox_id == inbox_id, key.in_(some), ~there)
    while visit.write(lambda connection: connection.execute(clear).rowcount):
        pass


def _messages(visit: Visit) -> Iterator[Finding]:
    """Finds messages of channels that are not there."""
    there = select(channels.c.channel_id).where(
        channels.c.tenant == messages.c.tenant, channels.c.channel_id == messages.c.channel_id
    )
    lost = (
        select(messages.c.tenant, messages.c.channel_id, func.count().label("number"))
        .where(~there.exists())
        .group_by(messages.c.tenant, messages.c.channel_id)
    )
    for row in visit.read(lambda connection: connection.execute(lost).all()):
        where = f"channel {row.tenant}/{row.channel_id}"
        yield Finding(Kind.NO_CHANNEL, where, f"{row.number} messages", "a channel")


class _Sent(NamedTuple):
    """A send as it was answered: its request's name, its message, and how many copies it made."""

    where: str
    sequence: int
    copies: int


def _answers(visit: Visit) -> Iterator[Finding]:
    """Finds sends that were answered with more copies than there are."""
    after = 0
    while page := visit.read(partial(_answered, after=after)):
        after, findings = page
        yield from findings


def _answered(connection: Connection, after: int) -> tuple[int, Sequence[Finding]] | None:
    """Looks at the next answers behind a number."""
    rows = connection.execute(
        select(idempotency)
        .where(idempotency.c.number > after)
        .order_by(idempotency.c.number)
        .limit(PAGE_ROWS)
    ).all()
    if not rows:
        return None
    findings: list[Finding] = []
    sent: list[_Sent] = []
    for row in rows:
        where = f"request {row.tenant}/{row.caller}/{row.rpc}/{row.request_id}"
        try:
            _, facts = loads(row.answer)
            if "accepted_count" in facts:
                sent.append(_Sent(where, int(facts["sequence"]), int(facts["accepted_count"])))
        except (KeyError, TypeError, ValueError):
            findings.append(Finding(Kind.ANSWER, where, "an answer nobody can read", "one"))
    copies = _copies(connection, [each.sequence for each in sent])
    findings += [
        Finding(Kind.COPIES, where, f"{copies[sequence]} copies", f"{expected}")
        for where, sequence, expected in sent
        if copies.get(sequence, expected) < expected
    ]
    return rows[-1].number, findings


def _copies(connection: Connection, sequences: Sequence[int]) -> dict[int, int]:
    """Counts the copies of those of some messages that are there, and whose channel stays."""
    query = (
        select(messages.c.sequence, func.count(notifications.c.inbox_id))
        .join(
            channels,
            and_(
                channels.c.tenant == messages.c.tenant,
                channels.c.channel_id == messages.c.channel_id,
                channels.c.delete_time.is_(None),
            ),
        )
        .outerjoin(notifications, notifications.c.sequence == messages.c.sequence)
        .where(messages.c.sequence.in_(sequences))
        .group_by(messages.c.sequence)
    )
    return dict(tuple(row) for row in connection.execute(query))


def _jobs(visit: Visit, *, repair: bool) -> Iterator[Finding]:
    """Looks at the queue, and at what should be in it; what is repaired is so at that moment."""
    yield from (visit.write if repair else visit.read)(lambda c: _queued(c, repair=repair))


def _queued(connection: Connection, *, repair: bool) -> Sequence[Finding]:
    findings = []
    of_channel = and_(
        channels.c.tenant == jobs.c.tenant,
        channels.c.channel_id == jobs.c.subject,
        channels.c.delete_time.is_not(None),
    )
    queue = select(jobs, channels.c.delete_time).select_from(jobs.outerjoin(channels, of_channel))
    for row in connection.execute(queue.order_by(jobs.c.job_id)).all():
        where = f"job {row.job_id} ({row.kind} {row.tenant}/{row.subject})"
        if row.kind not in KINDS:
            findings.append(Finding(Kind.JOB, where, "an unknown kind", ", ".join(KINDS)))
        elif row.kind == DELETE_CHANNEL and row.delete_time is None:
            if repair:
                job_queue.end(connection, Job(row.job_id, row.tenant, row.kind, row.subject, ""))
            findings.append(
                Finding(Kind.JOB, where, "a channel that nobody deletes", "a deletion", repair)
            )
        elif row.due_time:
            findings.append(Finding(Kind.JOB, where, "a step that failed", "steps that do not"))
    waiting = select(jobs.c.job_id).where(of_channel, jobs.c.kind == DELETE_CHANNEL)
    stuck = select(channels.c.tenant, channels.c.channel_id).where(
        channels.c.delete_time.is_not(None), ~waiting.exists()
    )
    for tenant, channel_id in connection.execute(stuck).all():
        if repair:
            job_queue.begin(connection, tenant, DELETE_CHANNEL, channel_id)
        where = f"channel {tenant}/{channel_id}"
        findings.append(Finding(Kind.NO_JOB, where, "a deletion without a job", "a job", repair))
    return findings
