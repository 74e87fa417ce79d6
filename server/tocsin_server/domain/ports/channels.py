"""Channels, kept."""

from typing import Protocol

from tocsin_server.domain.model.channels import Channel, ChannelUpdate
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.pages import Page


class ChannelStore(Protocol):
    """Keeps channels.

    Every method of every store raises StoreUnavailable when the database does not
    answer: trying again may help. What a method returns is durable. A method that
    raises left nothing behind. Writes also raise StorageFull, WritesOverloaded when
    too many of them wait, and ServerStopping.
    """

    async def create_channel(self, request: RequestKey, channel: Channel) -> Channel:
        """Stores a channel, with the answer to its request in the same transaction.

        Returns the channel as stored. A repeated request gets the first answer.

        Raises:
            ChannelAlreadyExists: the id is taken.
            ChannelBeingDeleted: the deletion of a channel of this id still runs.
            RequestIdReused: the request id was used for another request.
        """
        ...

    async def delete_channel(
        self, request: RequestKey, channel_id: str, now: int, *, force: bool
    ) -> None:
        """Deletes a channel of the request's tenant, with the answer to its request.

        The channel is not found from the commit on. If it has messages, the same
        transaction stores a job that removes them and their notifications, and then
        frees the id.

        Raises:
            ChannelNotFound: the tenant has no channel of this id.
            ChannelNotEmpty: it has messages, and `force` is not set.
            RequestIdReused: the request id was used for another request.
        """
        ...

    async def update_channel(
        self, request: RequestKey, update: ChannelUpdate, etag: str, now: int
    ) -> Channel:
        """Applies an update, with the answer to its request in the same transaction.

        Returns the channel after the update, with the new `etag` if it changed. A
        repeated request gets the first answer.

        Raises:
            ChannelNotFound: the tenant has no channel of this id.
            EtagMismatch: the channel has another etag than the update names.
            RequestIdReused: the request id was used for another request.
        """
        ...

    async def get_channel(self, tenant: str, channel_id: str) -> Channel | None:
        """Returns the channel, or None."""
        ...

    async def list_channels(self, tenant: str, after: str, limit: int) -> Page[Channel]:
        """Returns up to `limit` channels by id, from a page key on; an empty key is the start.

        Raises:
            FieldsInvalid: no list of channels gave the key.
        """
        ...
