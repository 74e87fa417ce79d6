"""Jobs: long work in short transactions, each the next step of the job that waited longest.

A step and how far it has come are committed together, so a job that was cut off
anywhere goes on where it was.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, select, update

from tocsin_server.store.deleting import DELETE_CHANNEL, Stepped, remove_some
from tocsin_server.store.prepared import Prepared
from tocsin_server.store.tables import jobs
from tocsin_server.store.units import Changed

KINDS: Mapping[str, Callable[[Connection, str, str, str, int], Stepped]] = {
    DELETE_CHANNEL: remove_some,
}
"""What does a step of each kind of job, for a tenant and the job's subject, from a position."""

_NEXT = Prepared(
    select(jobs.c.job_id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.position)
    .where(jobs.c.due_time <= bindparam("now"))
    .order_by(jobs.c.due_time, jobs.c.turns)
    .limit(1)
)
_PUT_LAST = Prepared(
    update(jobs)
    .where(jobs.c.job_id == bindparam("job"))
    .values(
        position=bindparam("position", type_=Text),
        due_time=bindparam("now", type_=BigInteger),
        turns=jobs.c.turns + 1,
    )
)
_END = Prepared(delete(jobs).where(jobs.c.job_id == bindparam("job")))


def is_due(connection: Connection, now: int) -> bool:
    """Tells whether a job waits for its next step."""
    return bool(_NEXT(connection, {"now": now}))


def step(connection: Connection, now: int) -> bool | Changed[bool]:
    """Does one step of the job that has waited longest; False when none is due."""
    rows = _NEXT(connection, {"now": now})
    if not rows:
        return False
    job_id, tenant, kind, subject, position = rows[0]
    stepped = KINDS[kind](connection, tenant, subject, position, now)
    if stepped.position is None:
        _END(connection, {"job": job_id})
    else:
        _PUT_LAST(connection, {"job": job_id, "position": stepped.position, "now": now})
    return Changed(True, stepped.changes)  # noqa: FBT003  # a step was done
