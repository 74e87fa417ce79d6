"""The errors of the domain.

One tree; `tocsin_server.api.errors` maps each branch to a status code::

    TocsinError
    ├── Invalid
    │   ├── FieldsInvalid
    │   └── RequestMalformed
    ├── NotFound
    │   ├── ChannelNotFound
    │   └── MessageNotFound
    ├── AlreadyExists
    │   ├── ChannelAlreadyExists
    │   └── RequestIdReused
    ├── Aborted
    │   └── EtagMismatch
    ├── Precondition
    │   ├── ChannelNotEmpty
    │   └── ChannelBeingDeleted
    ├── Exhausted
    │   ├── RequestTooLarge
    │   ├── TooManyStreams
    │   ├── WritesOverloaded
    │   └── StorageFull
    └── Unavailable
        ├── StoreUnavailable
        └── ServerStopping

A class's docstring is its message, with its metadata filled in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks its rule, and the rule with its limit."""

    field: str
    description: str
    reason: str = "FIELD_INVALID"


class TocsinError(Exception):
    """Something went wrong."""

    reason: ClassVar[str] = "INTERNAL"
    retry_after: ClassVar[float | None] = None
    """Seconds after which a retry may succeed; None where it does not help."""

    def __init__(self, **metadata: str) -> None:
        self.metadata: Mapping[str, str] = metadata
        # With -OO Python removes docstrings.
        super().__init__((self.__doc__ or self.reason).format(**metadata))


class Invalid(TocsinError):
    """The request is invalid."""


class FieldsInvalid(Invalid):
    """{summary}."""

    def __init__(self, violations: Sequence[Violation], hidden: int = 0) -> None:
        """Takes the violations to name, and the number of violations that are not named."""
        self.violations = tuple(violations)
        texts = [f"{v.field} {v.description}" for v in self.violations]
        if hidden:
            texts.append(f"and {hidden:,} more")
        super().__init__(summary="; ".join(texts))
        self.metadata = {"fields": ",".join(v.field for v in self.violations)}

    @property
    def reason(self) -> str:  # type: ignore[override]  # chosen by what is violated
        """The first violation's own reason, or the general one."""
        own = (v.reason for v in self.violations if v.reason != "FIELD_INVALID")
        return next(own, "FIELD_INVALID")


class RequestMalformed(Invalid):
    """The request is not a valid encoding of its message."""

    reason = "REQUEST_MALFORMED"


class NotFound(TocsinError):
    """The resource does not exist."""


class ChannelNotFound(NotFound):
    """There is no channel "{channel_id}"."""

    reason = "CHANNEL_NOT_FOUND"


class MessageNotFound(NotFound):
    """There is no message "{message_id}"."""

    reason = "MESSAGE_NOT_FOUND"


class AlreadyExists(TocsinError):
    """The resource exists already."""


class ChannelAlreadyExists(AlreadyExists):
    """There is a channel "{channel_id}" already."""

    reason = "CHANNEL_ALREADY_EXISTS"


class RequestIdReused(AlreadyExists):
    """The request id "{request_id}" was used for another request."""

    reason = "REQUEST_ID_REUSED"


class Aborted(TocsinError):
    """Another change came first."""


class EtagMismatch(Aborted):
    """The channel has changed since its etag was read; its etag is now "{etag}"."""

    reason = "ETAG_MISMATCH"


class Precondition(TocsinError):
    """The current state does not allow the request."""


class ChannelNotEmpty(Precondition):
    """The channel "{channel_id}" has messages; force deletes them with it."""

    reason = "CHANNEL_NOT_EMPTY"


class ChannelBeingDeleted(Precondition):
    """The deletion of an earlier channel "{channel_id}" is not complete yet."""

    reason = "CHANNEL_BEING_DELETED"
    retry_after = 1.0


class Exhausted(TocsinError):
    """A limit is reached."""


class RequestTooLarge(Exhausted):
    """The request has {size} bytes; {limit} is the limit."""

    reason = "REQUEST_TOO_LARGE"


class TooManyStreams(Exhausted):
    """Too many streams are open: {limit} is the limit of this {scope}."""

    reason = "TOO_MANY_STREAMS"
    retry_after = 5.0


class WritesOverloaded(Exhausted):
    """Too many writes wait: {limit} is the limit. Nothing was stored."""

    reason = "WRITES_OVERLOADED"
    retry_after = 1.0


class StorageFull(Exhausted):
    """The database has no space left. Nothing was stored."""

    reason = "STORAGE_FULL"


class Unavailable(TocsinError):
    """The request cannot be served now."""


class StoreUnavailable(Unavailable):
    """The database did not answer. With the same request id, trying again is safe."""

    reason = "STORE_UNAVAILABLE"
    retry_after = 1.0


class ServerStopping(Unavailable):
    """The server is stopping."""

    reason = "SERVER_STOPPING"
    retry_after = 1.0
