"""Units of work: plain functions over a connection, run inside a transaction.

One that changes inboxes gives, beside its outcome, what their followers are
told once it is committed.
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Connection

from tocsin_server.domain.model.changes import Change

T = TypeVar("T")


class Changed(NamedTuple, Generic[T]):
    """An outcome, and the changes of inboxes that come with it, in their order."""

    outcome: T
    changes: Sequence[Change]


Unit = Callable[[Connection], T | Changed[T]]
