"""Jobs: long work, done in steps that are short transactions.

The job that has waited longest runs a step and goes to the end of the queue. A step
commits the position that it reached with its changes, so an interrupted job resumes
where it was. A job whose step fails is retried later, and does not block the others.
A counter orders the queue, not a clock. A job's due time is 0, unless its last step
failed; then it is the earliest time of the retry.
"""

from collections.abc import Callable, Mapping, Sequence
from logging import getLogger
from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, func, insert, select, update

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.errors import Exhausted, Unavailable
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.json_rows import pack, texts
from tocsin_server.store.reader import Reader
from tocsin_server.store.schema.tables import jobs
from tocsin_server.store.writing.unit_of_work import WithChanges
from tocsin_server.store.writing.writer import Writer

RETRY_MICROSECONDS = 60_000_000
"""How long a job waits after a failed step."""

STEP_ROWS = 100
"""About how many rows a step writes."""

logger = getLogger(__name__)


class Job(NamedTuple):
    """A job in the queue. Its kind defines the meaning of subject and position."""

    job_id: int
    tenant: str
    kind: str
    subject: str
    position: str


class JobStep(NamedTuple):
    """The changes of a step, and the position that it reached; None when the job is done."""

    changes: Sequence[Change]
    position: str | None


RunStep = Callable[[Connection, Job, int], JobStep]
"""Runs the next step of a job; the last argument is the time in microseconds."""

_columns = (jobs.c.job_id, jobs.c.tenant, jobs.c.kind, jobs.c.subject, jobs.c.position)
_DUE = (
    select(*_columns)
    .where(jobs.c.due_time <= bindparam("now"), jobs.c.kind.in_(texts("kinds")))
    .order_by(jobs.c.turn)
    .limit(1)
)
_FIRST = Prepared(_DUE)
_CLAIM_FIRST = Prepared(_DUE.with_for_update(skip_locked=True))
_CLAIM = Prepared(
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


class SqlJobStore:
    """Implements `tocsin_server.domain.ports.jobs.JobStore`."""

    def __init__(self, writer: Writer, reader: Reader, kinds: Mapping[str, RunStep]) -> None:
        """Takes the function that runs a step of each kind; jobs of other kinds are left alone."""
        self._writer = writer
        self._reader = reader
        self._kinds = kinds

    async def work(self, now: int) -> bool:
        """Runs a step of the due job that has waited longest; skips jobs that other servers run."""
        parameters = {"now": now, "kinds": pack(list(self._kinds))}
        if not await self._reader.run(lambda c: _FIRST(c, parameters)):
            return False
        claimed: list[Job] = []

        def step(connection: Connection) -> bool | WithChanges[bool]:
            claimed.clear()
            rows = _CLAIM_FIRST(connection, parameters)
            if not rows:
                return False
            job = Job(*rows[0])
            claimed.append(job)
            result = self._kinds[job.kind](connection, job, now)
            if result.position is None:
                end(connection, job)
            else:
                _put_last(connection, job, result.position)
            return WithChanges(outcome=True, changes=result.changes)

        try:
            return await self._writer.run(step, STEP_ROWS)
        except (Exhausted, Unavailable):
            raise
        except Exception:  # a defect of the job must not block the others
            if not claimed:
                raise
            job = claimed[0]
            logger.exception("a job failed", extra={"job_id": job.job_id, "kind": job.kind})
            await self._writer.run(lambda c: _delay_retry(c, job, now), rows=1)
            return True


def begin(connection: Connection, tenant: str, kind: str, subject: str) -> None:
    """Puts a new job at the end of the queue."""
    _BEGIN(connection, {"tenant": tenant, "kind": kind, "subject": subject})


def end(connection: Connection, job: Job) -> None:
    """Removes a job from the queue."""
    _END(connection, {"job": job.job_id})


def _put_last(connection: Connection, job: Job, position: str, due_time: int = 0) -> None:
    """Moves a job to the end of the queue, and stores the position that it reached."""
    _PUT_LAST(connection, {"job": job.job_id, "position": position, "due": due_time})


def _delay_retry(connection: Connection, failed: Job, now: int) -> None:
    """Delays the retry of a job that failed; keeps the position that it has by now."""
    if rows := _CLAIM(connection, {"job": failed.job_id}):
        job = Job(*rows[0])
        _put_last(connection, job, job.position, now + RETRY_MICROSECONDS)
