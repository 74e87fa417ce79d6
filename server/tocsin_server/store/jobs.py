"""The queue of jobs: each gets a step, and goes to the end again.

The order is that of a counter. A time is only when a job may go on at the
earliest; 0, which is always, unless it failed.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, func, insert, select, update

from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import pack, texts
from tocsin_server.store.schema.tables import jobs


class Job(NamedTuple):
    """A job in the queue. What it is about, and how far it has come, is its kind's own."""

    job_id: int
    tenant: str
    kind: str
    subject: str
    position: str


_columns = (jobs.c.job_id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.position)
_FIRST = Prepared(
    select(*_columns)
    .where(jobs.c.due_time <= bindparam("now"), jobs.c.kind.in_(texts("kinds")))
    .order_by(jobs.c.turn)
    .limit(1)
)
_ONE = Prepared(
    select(*_columns).where(jobs.c.job_id == bindparam("job")).with_for_update(skip_locked=True)
)
_LAST_TURN = select(func.coalesce(func.max(jobs.c.turn), 0) + 1).scalar_subquery()
_BEGIN = Prepared(
    insert(jobs).values(
        tenant=bindparam("tenant", type_=Text),
        kind=bindparam("kind", type_=Text),
        subject=bindparam("subject", type_=Text),
        position="",
        turn=_LAST_TURN,
        due_time=0,
    )
)
_PUT_LAST = Prepared(
    update(jobs)
    .where(jobs.c.job_id == bindparam("job"))
    .values(
        position=bindparam("position", type_=Text),
        turn=_LAST_TURN,
        due_time=bindparam("due", type_=BigInteger),
    )
)
_END = Prepared(delete(jobs).where(jobs.c.job_id == bindparam("job")))


def begin(connection: Connection, tenant: str, kind: str, subject: str) -> None:
    """Puts a new job at the end of the queue."""
    _BEGIN(connection, {"tenant": tenant, "kind": kind, "subject": subject})


def first(connection: Connection, kinds: Collection[str], now: int) -> Job | None:
    """Returns the job of these kinds that is first among those that may go on."""
    rows = _FIRST(connection, {"now": now, "kinds": pack(list(kinds))})
    return Job(*rows[0]) if rows else None


def claim(connection: Connection, job_id: int) -> Job | None:
    """Returns a job as it now is, and keeps it from others until the transaction ends.

    Returns None when it is done, or another transaction has it.
    """
    rows = _ONE(connection, {"job": job_id})
    return Job(*rows[0]) if rows else None


def put_last(connection: Connection, job: Job, position: str, due_time: int = 0) -> None:
    """Puts a job at the end of the queue, and notes how far it has come."""
    _PUT_LAST(connection, {"job": job.job_id, "position": position, "due": due_time})


def end(connection: Connection, job: Job) -> None:
    """Takes a job that is done out of the queue."""
    _END(connection, {"job": job.job_id})
