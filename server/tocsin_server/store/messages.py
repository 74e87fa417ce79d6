"""Messages, read back."""

from sqlalchemy import Connection, bindparam, exists, select

from tocsin_server.domain.model.messages import Message
from tocsin_server.domain.model.pages import Page
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.pages import MESSAGE_COLUMNS, cut, fitting, message
from tocsin_server.store.schema.tables import channels, messages

_LAST = 2**63 - 1

_ONE = Prepared(
    select(*MESSAGE_COLUMNS).where(
        messages.c.tenant == bindparam("tenant"), messages.c.message_id == bindparam("message_id")
    )
)
_LATEST = fitting(
    select().where(
        exists().where(
            channels.c.tenant == bindparam("tenant"),
            channels.c.channel_id == bindparam("channel_id"),
            channels.c.delete_time.is_(None),
        ),
        messages.c.tenant == bindparam("tenant"),
        messages.c.channel_id == bindparam("channel_id"),
        messages.c.sequence < bindparam("before"),
    ),
    messages.c.sequence.desc(),
)


def get(connection: Connection, tenant: str, message_id: str) -> Message | None:
    """Returns a message, or None."""
    rows = _ONE(connection, {"tenant": tenant, "message_id": message_id})
    return message(rows[0]) if rows else None


def page(
    connection: Connection, tenant: str, channel_id: str, before: int | None, limit: int
) -> Page[Message]:
    """Returns up to `limit` of a channel's messages, newest first."""
    found = _LATEST(
        connection,
        {
            "tenant": tenant,
            "channel_id": channel_id,
            "before": _LAST if before is None else before,
            "limit": limit + 1,
        },
    )
    rows, behind = cut(found, limit)
    return Page([message(row) for row in rows], more=behind is not None)
