"""Channels, kept."""

from typing import Protocol

from tocsin_server.domain.model.channels import Channel, ChannelUpdate
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.pages import Page


class ChannelStore(Protocol):
    """Keeps channels.

    Every method of every store raises StoreUnavailable when the database does
    not answer: trying again may help. What a method returns is durable, and
    what it raises left nothing behind. Writes also raise StorageFull, and
    WritesOverloaded when too many of them wait.
    """

    async def create_channel(self, request: RequestKey, channel: Channel) -> Channel:
        """Stores a channel together with the answer to its request.

        Returns the channel as stored; for a request answered before, what was
        answered then.

        Raises:
            ChannelAlreadyExists: its id is taken.
            ChannelBeingDeleted: what another of its id had is still going.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def delete_channel(
        self, request: RequestKey, channel_id: str, now: int, *, force: bool
    ) -> None:
        """Deletes a channel of the request's tenant, with the answer to the request.

        From then on there is none. If it has messages, a job is stored with it
        that removes them and their notifications, and then frees the id.

        Raises:
            ChannelNotFound: there is none of that id.
            ChannelNotEmpty: it has messages, and is not to be forced.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def update_channel(
        self, request: RequestKey, update: ChannelUpdate, etag: str, now: int
    ) -> Channel:
        """Applies an update together with storing the answer to its request.

        Returns the channel as it then stands, with the new `etag` if it changed;
        for a request answered before, what was answered then.

        Raises:
            ChannelNotFound: there is none of that id.
            EtagMismatch: it has another etag than the update says.
            RequestIdReused: the request id stands for another request.
        """
        ...

    async def get_channel(self, tenant: str, channel_id: str) -> Channel | None:
        """Returns the channel, or None."""
        ...

    async def list_channels(self, tenant: str, after: str, limit: int) -> Page[Channel]:
        """Returns up to `limit` channels with an id above `after`, by id."""
        ...
