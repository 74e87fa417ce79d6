"""Updates a channel, and its labels one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tocsin_client

if TYPE_CHECKING:
    from tocsin.v1.channel_pb2 import Channel

    from tocsin_client import AsyncClient

# A conflict means that another update succeeded; so many in a row mean a defect.
_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """Changes to a channel's labels."""

    added: Mapping[str, str]
    removed: frozenset[str]
    clears: bool

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.clears)

    async def update(
        self,
        client: "AsyncClient",
        channel_id: str,
        *,
        title: str | None,
        description: str | None,
        etag: str,
    ) -> "Channel":
        """Updates the fields that are not None, and the labels.

        The server replaces all labels at once. So the current ones are read first, and their etag is
        sent with the update: a change that somebody else makes in between is not lost.

        Raises:
            tocsin_client.CallError: As `AsyncClient.update_channel` does.
        """
        attempt = 0
        while True:
            labels: dict[str, str] | None = None
            read_etag = ""
            if self.clears:
                labels = dict(self.added)
            elif self:
                channel = await client.get_channel(channel_id)
                labels = {
                    name: value
                    for name, value in channel.labels.items()
                    if name not in self.removed
                }
                labels |= self.added
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
