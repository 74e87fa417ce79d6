"""Channels: the named kinds of message of a tenant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from tocsin_server.domain.model.errors import EtagMismatch


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
