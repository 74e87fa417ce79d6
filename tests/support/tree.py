"""The tree of the domain's errors, with an example of each leaf."""

from collections.abc import Iterator, Sequence

from tocsin_server.domain.model import errors
from tocsin_server.domain.model.errors import TocsinError

EXAMPLES: Sequence[TocsinError] = (
    errors.FieldsInvalid([errors.Violation("message.title", "is required")]),
    errors.RequestMalformed(),
    errors.ChannelNotFound(channel_id="news"),
    errors.MessageNotFound(message_id="m-1"),
    errors.ChannelAlreadyExists(channel_id="news"),
    errors.RequestIdReused(request_id="r-1"),
    errors.RequestTooLarge(size="5", limit="4"),
    errors.TooManyStreams(scope="user", limit="16"),
    errors.WritesOverloaded(limit="100"),
    errors.EtagMismatch(etag="e-2"),
    errors.ChannelNotEmpty(channel_id="news"),
    errors.ChannelBeingDeleted(channel_id="news"),
    errors.StorageFull(),
    errors.StoreUnavailable(),
    errors.ServerStopping(),
)


def leaves(branch: type[TocsinError]) -> Iterator[type[TocsinError]]:
    """Every class below a branch that has none below itself."""
    children = branch.__subclasses__()
    for child in children:
        yield from leaves(child)
    if not children:
        yield branch
