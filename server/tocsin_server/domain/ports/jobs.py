"""Jobs, kept and done in steps."""

from typing import Protocol


class JobStore(Protocol):
    """Keeps jobs: long work that was decided on, and is done in steps."""

    async def work(self, now: int) -> bool:
        """Does one step of the job that has waited longest; False when no job is free and due.

        A job that another server works on at this moment is not free. A step is one
        short transaction. Each inbox that it changes takes one revision, and the
        changes are announced to Live. A committed step is never done again, whenever
        the server stops.
        """
        ...
