"""Jobs: long work in short transactions, each the next step of the job that waited longest.

A step and how far it has come are committed together, so a job that was cut off
anywhere goes on where it was. A job whose step fails waits before it is tried
again, and the others go on.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from tocsin_server.store import jobs
from tocsin_server.store.channel_deletion import DELETE_CHANNEL, Stepped, remove_some
from tocsin_server.store.jobs import Job
from tocsin_server.store.writing.unit_of_work import Changed

KINDS: Mapping[str, Callable[[Connection, Job, int], Stepped]] = {
    DELETE_CHANNEL: remove_some,
}
"""What does a step of each kind of job."""

RETRY_MICROSECONDS = 60_000_000
"""How long a job that failed waits."""


def next_job(connection: Connection, now: int) -> Job | None:
    """Returns the job whose turn it is; jobs that only a newer program knows are left alone."""
    return jobs.first(connection, KINDS.keys(), now)


def step(connection: Connection, job_id: int, now: int) -> bool | Changed[bool]:
    """Does the next step of a job, and returns whether there was one.

    There is none when the job is done by now, or somebody else is at it.
    """
    job = jobs.claim(connection, job_id)
    if job is None:
        return False
    stepped = KINDS[job.kind](connection, job, now)
    if stepped.position is None:
        jobs.end(connection, job)
    else:
        jobs.put_last(connection, job, stepped.position)
    return Changed(outcome=True, changes=stepped.changes)


def put_off(connection: Connection, job: Job, now: int) -> None:
    """Has a job that failed wait, wherever it has come to by now."""
    if (standing := jobs.claim(connection, job.job_id)) is not None:
        jobs.put_last(connection, standing, standing.position, now + RETRY_MICROSECONDS)
