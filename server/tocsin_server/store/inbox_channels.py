"""Lists the channels of an inbox, each with its latest notification."""

from json import loads

from sqlalchemy import Connection, bindparam, func, select

from tocsin_server.domain.model.changes import ENVELOPE_BYTES
from tocsin_server.domain.model.channels import Channel, ChannelType
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.inboxes import InboxChannel, InboxChannelQuery
from tocsin_server.domain.model.pages import Page
from tocsin_server.store import inbox_rows
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.index_scans import OF_CHANNEL, SQLITE_INDEXES, scan
from tocsin_server.store.page_keys import page_key
from tocsin_server.store.pages import STATE_COLUMNS, Stored, bounded, notification, split
from tocsin_server.store.schema.tables import channels, inbox_channels, messages, notifications

_CHANNEL_COLUMNS = (
    channels.c.type,
    channels.c.title,
    channels.c.description,
    channels.c.labels,
    channels.c.etag,
    channels.c.create_time.label("channel_create_time"),
    channels.c.update_time,
)
_COUNT_COLUMNS = (
    inbox_channels.c.total_count,
    inbox_channels.c.unread_count,
    inbox_channels.c.unseen_count,
)

_LATEST = (
    scan(OF_CHANNEL)
    .where(OF_CHANNEL.c.channel_id == inbox_channels.c.channel_id)
    .limit(1)
    .correlate(inbox_channels)
    .scalar_subquery()
)


def _listing(*, unread_only: bool) -> Prepared:
    count = inbox_channels.c.unread_count if unread_only else inbox_channels.c.total_count
    query = (
        select(*STATE_COLUMNS, *_COUNT_COLUMNS, *_CHANNEL_COLUMNS)
        .select_from(inbox_channels)
        # Outer joins fix the join order on PostgreSQL; each of them finds a row.
        .outerjoin(
            notifications,
            (notifications.c.inbox_id == inbox_channels.c.inbox_id)
            & (notifications.c.arrive_revision == _LATEST),
        )
        .outerjoin(messages, messages.c.sequence == notifications.c.sequence)
        .outerjoin(
            channels,
            (channels.c.tenant == bindparam("tenant"))
            & (channels.c.channel_id == inbox_channels.c.channel_id),
        )
        .where(
            inbox_channels.c.inbox_id == bindparam("inbox"),
            count > 0,
            bindparam("before") > _LATEST,
        )
    )
    texts = (channels.c.title, channels.c.description, channels.c.labels)
    return bounded(
        query,
        notifications.c.arrive_revision.desc(),
        # A character has at most four bytes in UTF-8.
        size=sum((4 * func.length(text) for text in texts), messages.c.size + 2 * ENVELOPE_BYTES),
        sqlite_indexes=SQLITE_INDEXES,
    )


_LISTINGS = {unread_only: _listing(unread_only=unread_only) for unread_only in (False, True)}


def list_page(connection: Connection, query: InboxChannelQuery, before: int) -> Page[InboxChannel]:
    """Returns a page of an inbox's channels, latest arrival first.

    Only channels are listed whose latest arrival was before a revision.
    """
    tenant, limit = query.key.tenant, query.limit
    inbox_id, _ = inbox_rows.find(connection, query.key)
    if inbox_id is None:
        return Page(())
    parameters = {
        "inbox": inbox_id,
        "tenant": tenant,
        "limit": limit + 1,
        "before": before,
    }
    rows, next_row = split(_LISTINGS[query.unread_only](connection, parameters), limit)
    items = [_inbox_channel(tenant, row) for row in rows]
    return Page(items, next="" if next_row is None else page_key(items[-1].latest.arrive_revision))


def _inbox_channel(tenant: str, row: Stored) -> InboxChannel:
    latest = notification(row)
    total, unread, unseen, type_, title, description, labels, *rest = row[11:21]
    etag, create_time, update_time = rest
    channel = Channel(
        tenant=tenant,
        channel_id=latest.message.channel_id,
        type=ChannelType(type_),
        title=title,
        description=description,
        labels=loads(labels),
        etag=etag,
        create_time=create_time,
        update_time=update_time,
    )
    return InboxChannel(channel, Counters(total, unread, unseen), latest)
