"""Channels: the named kinds of message of a tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from tocsin_server.domain.errors import ChannelNotFound
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


class Channels:
    """Creates and reads channels."""

    def __init__(self, store: ChannelStore, clock: Clock, identifiers: Identifiers) -> None:
        self._store = store
        self._clock = clock
        self._identifiers = identifiers

    async def create(self, request: RequestKey, channel: Channel) -> Channel:
        """Creates `channel`, whose etag and times are set here.

        Raises:
            ChannelAlreadyExists: its id is taken.
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

    async def list(self, caller: Caller, after: str, limit: int) -> Page[Channel]:
        """Returns a page of up to `limit` channels whose id sorts after `after`, by id."""
        return await self._store.list_channels(caller.tenant, after, limit)
