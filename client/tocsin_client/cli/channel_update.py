"""Changes a channel, and its labels one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tocsin_client

if TYPE_CHECKING:
    from tocsin.v1.channel_pb2 import Channel

    from tocsin_client import AsyncClient

# Whoever comes between changed the channel, so that it gets on; so many at once are a mistake.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """What becomes of a channel's labels."""

    given: Mapping[str, str]
    removed: frozenset[str]
    clears: bool

    def __bool__(self) -> bool:
        return bool(self.given or self.removed or self.clears)

    async def update(
        self,
        client: "AsyncClient",
        channel_id: str,
        *,
        title: str | None,
        description: str | None,
        etag: str,
    ) -> "Channel":
        """Changes what is not None, and the labels.

        The server replaces labels as a whole. Those that stay are read first, and their etag keeps
        what somebody else changes meanwhile.

        Raises:
            tocsin_client.CallError: As `AsyncClient.update_channel` does.
        """
        attempt = 0
        while True:
            labels: dict[str, str] | None = None
            read_etag = ""
            if self.clears:
                labels = dict(self.given)
            elif self:
                channel = await client.get_channel(channel_id)
                labels = {
                    name: value
                    for name, value in channel.labels.items()
                    if name not in self.removed
                }
                labels |= self.given
                read_etag = channel.etag
            try:
                return await client.update_channel(
                    channel_id,
                    title=title,
                    description=description,
                    labels=labels,
                    etag=etag or read_etag,
                )
            except tocsin_client.Aborted:
                attempt += 1
                if etag or attempt == _ATTEMPTS:
                    raise
