"""Examines a store: checks every invariant between its tables.

Each check reads one snapshot in a short transaction of its own, so a server may
write meanwhile. A repair loses nothing that a user can still see. A fault that
cannot be repaired in this way is only reported.
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
from tocsin_server.store.doctor.inbox_checks import check_inboxes
from tocsin_server.store.doctor.repair import repair_inbox
from tocsin_server.store.engine.databases import database_url
from tocsin_server.store.job_kinds import KINDS
from tocsin_server.store.jobs import Job
from tocsin_server.store.offline import OfflineStore, open_offline
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
"""How many rows a page of anything but inboxes has."""


class Examined(NamedTuple):
    """How many rows were examined."""

    inboxes: int
    notifications: int


def examine(url: str, report: Callable[[Finding], None], *, repair: bool) -> Examined:
    """Examines a store, which a server may be using, and reports its faults.

    With `repair`, a fault that can be repaired is repaired before it is reported.

    Raises:
        CannotOpen: there is no store with this program's schema, or the database fails.
    """
    with open_offline(database_url(url), current_schema=True) as store:
        for finding in chain(
            _check_database(store),
            _check_rows_without_inbox(store, repair=repair),
            _check_messages(store),
            _check_answers(store),
            _check_jobs(store, repair=repair),
        ):
            report(finding)
        return _check_all_inboxes(store, report, repair=repair)


def _check_all_inboxes(
    store: OfflineStore, report: Callable[[Finding], None], *, repair: bool
) -> Examined:
    """Checks every inbox, page by page."""
    after: int | None = 0
    inbox_count = notification_count = 0
    while after is not None:
        page = store.read(partial(check_inboxes, after=after))
        for faulty in page.faulty:
            repaired = repair and repair_inbox(store, faulty.inbox_id)
            for finding in faulty.findings:
                report(finding._replace(repaired=repaired))
        inbox_count += page.inboxes
        notification_count += page.notifications
        after = page.last
    return Examined(inbox_count, notification_count)


def _check_database(store: OfflineStore) -> Iterator[Finding]:
    """Has SQLite check its own file."""

    def check(connection: Connection) -> Sequence[str]:
        if connection.dialect.name != "sqlite":
            return ()
        problems = [row[0] for row in connection.execute(text("PRAGMA integrity_check"))]
        keys = [
            f"row {row[1]} of {row[0]} refers to no row of {row[2]}"
            for row in connection.execute(text("PRAGMA foreign_key_check"))
        ]
        return [problem for problem in problems if problem != "ok"] + keys

    for problem in store.read(check):
        yield Finding(Kind.DATABASE, "the file", problem, "ok")


def _check_rows_without_inbox(store: OfflineStore, *, repair: bool) -> Iterator[Finding]:
    """Finds rows whose inbox does not exist. No user ever sees them."""
    for table, what in (
        (notifications, "notifications"),
        (marks, "marks"),
        (inbox_channels, "counters of channels"),
    ):
        after = 0
        while found := store.read(partial(_count_without_inbox, table=table, after=after)):
            for inbox_id, number in found:
                if repair:
                    _delete_without_inbox(store, table, inbox_id)
                where = f"inbox number {inbox_id}"
                yield Finding(Kind.NO_INBOX, where, f"{number} {what}", "an inbox", repair)
            after = found[-1][0]


def _count_without_inbox(connection: Connection, table: Table, after: int) -> Sequence[Any]:
    """Counts the rows of a table whose inbox does not exist, by inbox number."""
    inbox_exists = select(inboxes.c.inbox_id).where(inboxes.c.inbox_id == table.c.inbox_id).exists()
    return connection.execute(
        select(table.c.inbox_id, func.count())
        .where(table.c.inbox_id > after, ~inbox_exists)
        .group_by(table.c.inbox_id)
        .order_by(table.c.inbox_id)
        .limit(PAGE_ROWS)
    ).all()


def _delete_without_inbox(store: OfflineStore, table: Table, inbox_id: int) -> None:
    """Deletes the rows of an inbox that does not exist from a table, some at a time."""
    key = list(table.primary_key.columns)[1]
    page = select(key).where(table.c.inbox_id == inbox_id).limit(PAGE_ROWS)
    inbox_exists = select(inboxes.c.inbox_id).where(inboxes.c.inbox_id == inbox_id).exists()
    delete_page = delete(table).where(table.c.inbox_id == inbox_id, key.in_(page), ~inbox_exists)
    while store.write(lambda connection: connection.execute(delete_page).rowcount):
        pass


def _check_messages(store: OfflineStore) -> Iterator[Finding]:
    """Finds messages whose channel does not exist."""
    channel = select(channels.c.channel_id).where(
        channels.c.tenant == messages.c.tenant, channels.c.channel_id == messages.c.channel_id
    )
    without_channel = (
        select(messages.c.tenant, messages.c.channel_id, func.count().label("number"))
        .where(~channel.exists())
        .group_by(messages.c.tenant, messages.c.channel_id)
    )
    for row in store.read(lambda connection: connection.execute(without_channel).all()):
        where = f"channel {row.tenant}/{row.channel_id}"
        yield Finding(Kind.NO_CHANNEL, where, f"{row.number} messages", "a channel")


class _AnsweredSend(NamedTuple):
    """A send according to its answer: the request, the message, and the number of copies."""

    where: str
    sequence: int
    copies: int


def _check_answers(store: OfflineStore) -> Iterator[Finding]:
    """Finds sends whose answer counts more copies than exist."""
    after = 0
    while page := store.read(partial(_check_answer_page, after=after)):
        after, findings = page
        yield from findings


def _check_answer_page(connection: Connection, after: int) -> tuple[int, Sequence[Finding]] | None:
    """Checks the next answers after a number; returns the last number, or None at the end."""
    rows = connection.execute(
        select(idempotency)
        .where(idempotency.c.number > after)
        .order_by(idempotency.c.number)
        .limit(PAGE_ROWS)
    ).all()
    if not rows:
        return None
    findings: list[Finding] = []
    sends: list[_AnsweredSend] = []
    for row in rows:
        where = f"request {row.tenant}/{row.caller}/{row.rpc}/{row.request_id}"
        try:
            _, facts = loads(row.answer)
            if "accepted_count" in facts:
                sequence, accepted = int(facts["sequence"]), int(facts["accepted_count"])
                sends.append(_AnsweredSend(where, sequence, accepted))
        except (KeyError, TypeError, ValueError):
            findings.append(Finding(Kind.ANSWER, where, "an unreadable answer", "a readable one"))
    copies = _count_copies(connection, [send.sequence for send in sends])
    findings += [
        Finding(Kind.COPIES, where, f"{copies[sequence]} copies", f"{expected}")
        for where, sequence, expected in sends
        if copies.get(sequence, expected) < expected
    ]
    return rows[-1].number, findings


def _count_copies(connection: Connection, sequences: Sequence[int]) -> dict[int, int]:
    """Counts the copies of messages; leaves out messages that are gone or being deleted."""
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


def _check_jobs(store: OfflineStore, *, repair: bool) -> Iterator[Finding]:
    """Finds jobs that are wrong, and deletions without a job; repairs in the same transaction."""
    run = store.write if repair else store.read
    yield from run(lambda connection: _check_job_queue(connection, repair=repair))


def _check_job_queue(connection: Connection, *, repair: bool) -> Sequence[Finding]:
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
                Finding(
                    Kind.JOB, where, "a channel that is not being deleted", "a deletion", repair
                )
            )
        elif row.due_time:
            findings.append(Finding(Kind.JOB, where, "a failed step", "none"))
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
