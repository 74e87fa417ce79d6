"""Stores messages: sends and reads them."""

from collections.abc import Sequence

from sqlalchemy import bindparam, exists, select

from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.messages import Message, Send, Sent
from tocsin_server.domain.model.pages import Page
from tocsin_server.store.engine.prepared import Prepared
from tocsin_server.store.page_keys import number_after, page_key
from tocsin_server.store.pages import MESSAGE_COLUMNS, bounded, message, split
from tocsin_server.store.reader import Reader
from tocsin_server.store.schema.tables import channels, messages
from tocsin_server.store.sending import SendBatch
from tocsin_server.store.writing.writer import Writer

_LAST = 2**63 - 1
"""Above every sequence: where the first page of a list begins."""

_ONE = Prepared(
    select(*MESSAGE_COLUMNS).where(
        messages.c.tenant == bindparam("tenant"), messages.c.message_id == bindparam("message_id")
    )
)
_LATEST = bounded(
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


class SqlMessageStore:
    """Implements `tocsin_server.domain.ports.messages.MessageStore`."""

    def __init__(self, writer: Writer, reader: Reader, batch: SendBatch) -> None:
        self._writer = writer
        self._reader = reader
        self._batch = batch

    async def send(self, sends: Sequence[Send]) -> Sequence[Sent | TocsinError]:
        """Commits each send on its own, in order."""
        return await self._writer.run_batch(self._batch, sends, lambda send: send.rows)

    async def get_message(self, tenant: str, message_id: str) -> Message | None:
        """Returns the message, or None."""
        key = {"tenant": tenant, "message_id": message_id}
        rows = await self._reader.run(lambda c: _ONE(c, key))
        return message(rows[0]) if rows else None

    async def list_messages(
        self, tenant: str, channel_id: str, after: str, limit: int
    ) -> Page[Message]:
        """Returns up to `limit` of a channel's messages, newest first, from a page key on."""
        parameters = {
            "tenant": tenant,
            "channel_id": channel_id,
            "before": number_after(after, _LAST),
            "limit": limit + 1,
        }
        rows, next_row = split(await self._reader.run(lambda c: _LATEST(c, parameters)), limit)
        items = [message(row) for row in rows]
        return Page(items, next="" if next_row is None else page_key(items[-1].sequence))
