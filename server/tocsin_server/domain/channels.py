"""Channels: created, read, changed and deleted."""

from dataclasses import replace

from tocsin_server.domain.model.channels import Channel, ChannelUpdate
from tocsin_server.domain.model.errors import ChannelNotFound
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.channels import ChannelStore
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.domain.ports.identifiers import Identifiers


class Channels:
    """Creates, reads, changes and deletes channels."""

    def __init__(self, store: ChannelStore, clock: Clock, identifiers: Identifiers) -> None:
        self._store = store
        self._clock = clock
        self._identifiers = identifiers

    async def create(self, request: RequestKey, channel: Channel) -> Channel:
        """Creates `channel`, whose etag and times are set here.

        Raises:
            ChannelAlreadyExists: its id is taken.
            ChannelBeingDeleted: the deletion of an earlier channel of its id is not complete.
            RequestIdReused: the request id was used for another request.
        """
        now = self._clock.now()
        etag = self._identifiers.token()
        created = replace(channel, etag=etag, create_time=now, update_time=now)
        return await self._store.create_channel(request, created)

    async def get(self, caller: Caller, channel_id: str) -> Channel:
        """Returns a channel.

        Raises:
            ChannelNotFound: the caller's tenant has no channel of this id.
        """
        channel = await self._store.get_channel(caller.tenant, channel_id)
        if channel is None:
            raise ChannelNotFound(channel_id=channel_id)
        return channel

    async def update(self, request: RequestKey, update: ChannelUpdate) -> Channel:
        """Changes a channel and returns its new state.

        Raises:
            ChannelNotFound: the tenant has no channel of this id.
            EtagMismatch: the update names an etag that is not the channel's.
            RequestIdReused: the request id was used for another request.
        """
        etag, now = self._identifiers.token(), self._clock.now()
        return await self._store.update_channel(request, update, etag, now)

    async def delete(self, request: RequestKey, channel_id: str, *, force: bool) -> None:
        """Deletes a channel; a job then removes its messages and notifications, step by step.

        Raises:
            ChannelNotFound: the tenant has no channel of this id.
            ChannelNotEmpty: it has messages, and `force` is false.
            RequestIdReused: the request id was used for another request.
        """
        await self._store.delete_channel(request, channel_id, self._clock.now(), force=force)

    async def list(self, caller: Caller, after: str, limit: int) -> Page[Channel]:
        """Returns a page of up to `limit` channels by id, from the page key `after` on."""
        return await self._store.list_channels(caller.tenant, after, limit)
