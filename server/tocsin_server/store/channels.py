"""Channels, stored and read."""

from json import dumps, loads
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from tocsin_server.domain.model.channels import Channel, ChannelType, ChannelUpdate
from tocsin_server.domain.model.errors import (
    ChannelAlreadyExists,
    ChannelBeingDeleted,
    ChannelNotFound,
)
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.pages import Page
from tocsin_server.store import idempotency
from tocsin_server.store.schema.tables import channels

_ANY = select(channels).where(
    channels.c.tenant == bindparam("tenant"), channels.c.channel_id == bindparam("channel_id")
)
_ONE = _ANY.where(channels.c.delete_time.is_(None))
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


_CHANGE = (
    update(channels)
    .where(
        channels.c.tenant == bindparam("key_tenant"),
        channels.c.channel_id == bindparam("key_channel_id"),
    )
    .values(
        {
            name: bindparam(name)
            for name in ("title", "description", "labels", "etag", "update_time")
        }
    )
)


def create(connection: Connection, request: RequestKey, channel: Channel, horizon: int) -> Channel:
    """Stores a channel, or returns what an earlier request of this name created.

    Raises:
        ChannelAlreadyExists: its id is taken.
        ChannelBeingDeleted: what another of its id had is still going.
        RequestIdReused: the request id stands for another request.
    """
    key = {"tenant": channel.tenant, "channel_id": channel.channel_id}
    standing = connection.execute(_ANY, key).mappings().one_or_none()
    # In this order: a repeat that meets the channel of the first meets its answer, too.
    if earlier := idempotency.find(connection, [request], horizon).get(request.name):
        return _from_facts(channel.tenant, earlier.to(request))
    if standing is not None:
        if standing["delete_time"] is None:
            raise ChannelAlreadyExists(channel_id=channel.channel_id)
        raise ChannelBeingDeleted(channel_id=channel.channel_id)
    facts = _to_facts(channel)
    row = facts | {"tenant": channel.tenant, "labels": dumps(facts["labels"])}
    connection.execute(insert(channels), row)
    idempotency.keep(connection, [(request, facts)], channel.create_time, horizon)
    return channel


def change(
    connection: Connection,
    request: RequestKey,
    update_: ChannelUpdate,
    etag: str,
    now: int,
    horizon: int,
) -> Channel:
    """Applies an update, or returns what came of it when it was asked for earlier.

    Raises:
        ChannelNotFound: there is none of that id.
        EtagMismatch: it has another etag than the update says.
        RequestIdReused: the request id stands for another request.
    """
    standing = get(connection, update_.tenant, update_.channel_id, lock=True)
    # In this order: a repeat that waited for the first finds its answer.
    if earlier := idempotency.find(connection, [request], horizon).get(request.name):
        return _from_facts(update_.tenant, earlier.to(request))
    if standing is None:
        raise ChannelNotFound(channel_id=update_.channel_id)
    changed = update_.apply(standing, etag, now)
    facts = _to_facts(changed)
    if changed is not standing:
        values = {
            "key_tenant": changed.tenant,
            "key_channel_id": changed.channel_id,
            "title": changed.title,
            "description": changed.description,
            "labels": dumps(facts["labels"]),
            "etag": changed.etag,
            "update_time": changed.update_time,
        }
        connection.execute(_CHANGE, values)
    idempotency.keep(connection, [(request, facts)], now, horizon)
    return changed


def get(
    connection: Connection, tenant: str, channel_id: str, *, lock: bool = False
) -> Channel | None:
    """Returns a channel, or None; with `lock`, nobody changes it until the transaction ends."""
    statement = _ONE.with_for_update() if lock else _ONE
    row = (
        connection.execute(statement, {"tenant": tenant, "channel_id": channel_id})
        .mappings()
        .one_or_none()
    )
    return None if row is None else _from_row(row)


def page(connection: Connection, tenant: str, after: str, limit: int) -> Page[Channel]:
    """Returns up to `limit` channels with an id above `after`, by id."""
    rows = (
        connection.execute(_BY_ID, {"tenant": tenant, "after": after, "limit": limit + 1})
        .mappings()
        .all()
    )
    items: list[Channel] = []
    size = 0
    for row in rows[:limit]:
        size += _size(row)
        if items and size > RESPONSE_BYTES:
            break
        items.append(_from_row(row))
    return Page(items, more=len(rows) > len(items))


def _size(row: RowMapping) -> int:
    """The most bytes that a channel takes in a response."""
    return 256 + sum(
        len(text.encode()) for text in (row["title"], row["description"], row["labels"])
    )


def _from_row(row: RowMapping) -> Channel:
    return _from_facts(row["tenant"], {**row, "labels": loads(row["labels"])})


def _from_facts(tenant: str, facts: idempotency.Facts) -> Channel:
    return Channel(
        tenant=tenant,
        channel_id=facts["channel_id"],
        type=ChannelType(facts["type"]),
        title=facts["title"],
        description=facts["description"],
        labels=facts["labels"],
        etag=facts["etag"],
        create_time=facts["create_time"],
        update_time=facts["update_time"],
    )


def _to_facts(channel: Channel) -> dict[str, Any]:
    return {
        "channel_id": channel.channel_id,
        "type": channel.type.value,
        "title": channel.title,
        "description": channel.description,
        "labels": dict(channel.labels),
        "etag": channel.etag,
        "create_time": channel.create_time,
        "update_time": channel.update_time,
    }
