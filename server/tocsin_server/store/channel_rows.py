"""Converts rows of channels into the domain's channels, and channels into the facts of answers."""

from json import dumps, loads
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select

from tocsin_server.domain.model.channels import Channel, ChannelType
from tocsin_server.store.idempotency import AnswerCodec, Facts
from tocsin_server.store.schema.tables import channels

ANY = select(channels).where(
    channels.c.tenant == bindparam("tenant"), channels.c.channel_id == bindparam("channel_id")
)
"""Finds a channel by its id, even if it is being deleted."""

_ONE = ANY.where(channels.c.delete_time.is_(None))


def find(
    connection: Connection, tenant: str, channel_id: str, *, lock: bool = False
) -> Channel | None:
    """Returns a channel, or None; `lock` locks it until the transaction ends."""
    statement = _ONE.with_for_update() if lock else _ONE
    row = (
        connection.execute(statement, {"tenant": tenant, "channel_id": channel_id})
        .mappings()
        .one_or_none()
    )
    return None if row is None else from_row(row)


def from_row(row: RowMapping) -> Channel:
    """Returns the channel of a row."""
    return _from_facts(row["tenant"], {**row, "labels": loads(row["labels"])})


def to_row(channel: Channel) -> dict[str, Any]:
    """Returns the columns of a channel's row."""
    facts = _to_facts(channel)
    return facts | {"tenant": channel.tenant, "labels": dumps(facts["labels"])}


def codec(tenant: str) -> AnswerCodec[Channel]:
    """Returns the codec of answers that are channels of a tenant."""
    return AnswerCodec(_to_facts, lambda facts: _from_facts(tenant, facts))


def _from_facts(tenant: str, facts: Facts) -> Channel:
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
