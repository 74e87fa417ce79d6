"""Stores channels: creates, changes, deletes and reads them."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from tocsin_server.domain.model.channels import Channel, ChannelUpdate
from tocsin_server.domain.model.errors import (
    ChannelAlreadyExists,
    ChannelBeingDeleted,
    ChannelNotFound,
)
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.pages import Page
from tocsin_server.store import channel_deletion, channel_rows
from tocsin_server.store.idempotency import NOTHING, Idempotency
from tocsin_server.store.page_keys import key_parts, page_key
from tocsin_server.store.reader import Reader
from tocsin_server.store.schema.tables import channels
from tocsin_server.store.writing.writer import Writer

_BY_ID = (
    select(channels)
    .where(
        channels.c.tenant == bindparam("tenant"),
        channels.c.channel_id > bindparam("after"),
        channels.c.delete_time.is_(None),
    )
    .order_by(channels.c.channel_id)
    .limit(bindparam("limit"))
)
_CHANGEABLE = ("title", "description", "labels", "etag", "update_time")
_UPDATE = (
    update(channels)
    .where(
        channels.c.tenant == bindparam("key_tenant"),
        channels.c.channel_id == bindparam("key_channel_id"),
    )
    .values({name: bindparam(name) for name in _CHANGEABLE})
)


class SqlChannelStore:
    """Implements `tocsin_server.domain.ports.channels.ChannelStore`."""

    def __init__(self, writer: Writer, reader: Reader, idempotency: Idempotency) -> None:
        self._writer = writer
        self._reader = reader
        self._idempotency = idempotency

    async def create_channel(self, request: RequestKey, channel: Channel) -> Channel:
        """Stores a channel and the answer to its request."""

        def create(connection: Connection) -> Channel:
            key = {"tenant": channel.tenant, "channel_id": channel.channel_id}
            row = connection.execute(channel_rows.ANY, key).mappings().one_or_none()
            if row is not None:
                if row["delete_time"] is None:
                    raise ChannelAlreadyExists(channel_id=channel.channel_id)
                raise ChannelBeingDeleted(channel_id=channel.channel_id)
            connection.execute(insert(channels), channel_rows.to_row(channel))
            return channel

        codec = channel_rows.codec(channel.tenant)
        unit = self._idempotency.once(request, channel.create_time, create, codec)
        return await self._writer.run(unit, rows=1)

    async def update_channel(
        self, request: RequestKey, update: ChannelUpdate, etag: str, now: int
    ) -> Channel:
        """Applies an update and stores the answer to its request."""

        def apply(connection: Connection) -> Channel:
            channel = channel_rows.find(connection, update.tenant, update.channel_id, lock=True)
            if channel is None:
                raise ChannelNotFound(channel_id=update.channel_id)
            changed = update.apply(channel, etag, now)
            if changed is not channel:
                row = channel_rows.to_row(changed)
                key = {"key_tenant": row["tenant"], "key_channel_id": row["channel_id"]}
                connection.execute(_UPDATE, {name: row[name] for name in _CHANGEABLE} | key)
            return changed

        codec = channel_rows.codec(update.tenant)
        return await self._writer.run(self._idempotency.once(request, now, apply, codec), rows=1)

    async def delete_channel(
        self, request: RequestKey, channel_id: str, now: int, *, force: bool
    ) -> None:
        """Deletes a channel or begins the job that does, and stores the answer to its request."""

        def delete(connection: Connection) -> None:
            channel_deletion.decide(connection, request.tenant, channel_id, now, force=force)

        await self._writer.run(self._idempotency.once(request, now, delete, NOTHING), rows=1)

    async def get_channel(self, tenant: str, channel_id: str) -> Channel | None:
        """Returns the channel, or None."""
        return await self._reader.run(lambda c: channel_rows.find(c, tenant, channel_id))

    async def list_channels(self, tenant: str, after: str, limit: int) -> Page[Channel]:
        """Returns up to `limit` channels by id, from the page key `after` on."""
        last_id = key_parts(after, str)[0] if after else ""

        def read(connection: Connection) -> Sequence[RowMapping]:
            parameters = {"tenant": tenant, "after": last_id, "limit": limit + 1}
            return connection.execute(_BY_ID, parameters).mappings().all()

        rows = await self._reader.run(read)
        items: list[Channel] = []
        size = 0
        for row in rows[:limit]:
            size += _size(row)
            if items and size > RESPONSE_BYTES:
                break
            items.append(channel_rows.from_row(row))
        more = len(rows) > len(items)
        return Page(items, next=page_key(items[-1].channel_id) if more else "")


def _size(row: RowMapping) -> int:
    """Returns an upper bound of the bytes that a channel takes in a response."""
    return 256 + sum(
        len(text.encode()) for text in (row["title"], row["description"], row["labels"])
    )
