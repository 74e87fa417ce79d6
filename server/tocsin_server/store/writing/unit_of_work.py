"""Units of work and batches, which run inside a transaction that writes.

A unit of work is a function over a connection. A batch writes items of one kind
together, with a few statements. Both return their outcomes, and the changes to
announce after the commit.
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from tocsin_server.domain.model.changes import Change
from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.identity import InboxKey

T = TypeVar("T")
I_contra = TypeVar("I_contra", contravariant=True)


class WithChanges(NamedTuple, Generic[T]):
    """An outcome, and the changes to announce after the commit, in their order."""

    outcome: T
    changes: Sequence[Change]


UnitOfWork = Callable[[Connection], T | WithChanges[T]]
"""A function that runs inside a transaction.

A TocsinError that it raises is its outcome, and nothing that it wrote is committed.
"""


class PendingChange(Protocol):
    """A change that is built after the commit, and only if its inbox is watched."""

    @property
    def key(self) -> InboxKey:
        """The inbox that changed."""

    def change(self) -> Change:
        """Builds the change."""


class BatchOutcome(NamedTuple, Generic[T]):
    """The outcome of each item of a batch, in order, and the changes to announce."""

    outcomes: Sequence[T | TocsinError]
    changes: Sequence[PendingChange]


class Batch(Protocol[I_contra, T]):
    """Writes items of one kind together.

    Attributes:
        kind: the name of the kind; adjacent items of one kind in the queue run together.
    """

    kind: str

    def run(self, connection: Connection, items: Sequence[I_contra]) -> BatchOutcome[T]:
        """Writes the items, in order; an item whose outcome is an error writes nothing."""
