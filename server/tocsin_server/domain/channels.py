"""Channels: the named kinds of message of a tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from tocsin_server.domain.errors import ChannelNotFound, EtagMismatch
from tocsin_server.domain.identity import Caller
from tocsin_server.domain.paging import Page
from tocsin_server.domain.ports import ChannelStore, Clock, Identifiers
from tocsin_server.domain.requests import RequestKey


class ChannelType(IntEnum):
    """The medium of a channel, numbered as in the protos."""

    IN_APP = 1


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it stands. Times are in microseconds since the Unix epoch."""

    tenant: str
    channel_id: str
    type: ChannelType
    title: str
    description: str
    labels: Mapping[str, str]
    etag: str = ""
    create_time: int = 0
    update_time: int = 0


@dataclass(frozen=True, slots=True)
class ChannelUpdate:
    """New values of some of a channel's fields; None where a field stays.

    An `etag` that is not empty has to be the channel's.
    """

    tenant: str
    channel_id: str
    etag: str
    title: str | None
    description: str | None
    labels: Mapping[str, str] | None

    def apply(self, channel: Channel, etag: str, now: int) -> Channel:
        """Returns the channel with the new values, and if they differ with a new etag.

        Raises:
            EtagMismatch: it is not the channel that is to be changed.
        """
        if self.etag and self.etag != channel.etag:
            raise EtagMismatch(etag=channel.etag)
        changed = replace(
            channel,
            title=channel.title if self.title is None else self.title,
            description=channel.description if self.description is None else self.description,
            labels=channel.labels if self.labels is None else self.labels,
        )
        return channel if changed == channel else replace(changed, etag=etag, update_time=now)


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
            ChannelBeingDeleted: what another of its id had is still going.
            RequestIdReused: the request id stands for another request.
        """
        now = self._clock.now()
        etag = self._identifiers.token()
        created = replace(channel, etag=etag, create_time=now, update_time=now)
        return await self._store.create_channel(request, created)

    async def get(self, caller: Caller, channel_id: str) -> Channel:
        """Returns a channel.

        Raises:
            ChannelNotFound: the caller's tenant has none of that id.
        """
        channel = await self._store.get_channel(caller.tenant, channel_id)
        if channel is None:
            raise ChannelNotFound(channel_id=channel_id)
        return channel

    async def update(self, request: RequestKey, update: ChannelUpdate) -> Channel:
        """Changes a channel and returns it as it now stands.

        Raises:
            ChannelNotFound: the tenant has none of that id.
            EtagMismatch: the channel has another etag than the update says.
            RequestIdReused: the request id stands for another request.
        """
        etag, now = self._identifiers.token(), self._clock.now()
        return await self._store.update_channel(request, update, etag, now)

    async def delete(self, request: RequestKey, channel_id: str, *, force: bool) -> None:
        """Deletes a channel; what it has goes behind, step by step.

        Raises:
            ChannelNotFound: the tenant has none of that id.
            ChannelNotEmpty: it has messages, and is not to be forced.
            RequestIdReused: the request id stands for another request.
        """
        await self._store.delete_channel(request, channel_id, self._clock.now(), force=force)

    async def list(self, caller: Caller, after: str, limit: int) -> Page[Channel]:
        """Returns a page of up to `limit` channels whose id sorts after `after`, by id."""
        return await self._store.list_channels(caller.tenant, after, limit)
