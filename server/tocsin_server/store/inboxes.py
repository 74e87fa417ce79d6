"""Stores inboxes: reads and marks them."""

from sqlalchemy import Connection

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, InboxChannel, InboxChannelQuery
from tocsin_server.domain.model.marking import Marked, Marking
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.live import Live
from tocsin_server.store import inbox_channels, inbox_rows
from tocsin_server.store.history import SqlInboxHistory
from tocsin_server.store.idempotency import Idempotency
from tocsin_server.store.marking import MARKED, mark, most_changed, weight
from tocsin_server.store.notifications import FRONT
from tocsin_server.store.page_keys import number_after
from tocsin_server.store.reader import Reader
from tocsin_server.store.writing.unit_of_work import WithChanges
from tocsin_server.store.writing.writer import Writer


class SqlInboxStore(SqlInboxHistory):
    """Implements `tocsin_server.domain.ports.inboxes.InboxStore`."""

    def __init__(
        self, writer: Writer, reader: Reader, idempotency: Idempotency, live: Live, epoch: int
    ) -> None:
        super().__init__(reader, epoch)
        self._writer = writer
        self._idempotency = idempotency
        self._live = live

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; an empty one for an unknown user."""
        return await self._reader.run(lambda c: inbox_rows.find(c, key)[1])

    async def list_inbox_channels(self, query: InboxChannelQuery) -> Page[InboxChannel]:
        """Returns a page of an inbox's channels, latest arrival first."""
        before = number_after(query.after, FRONT)
        return await self._reader.run(lambda c: inbox_channels.list_page(c, query, before))

    async def mark(self, marking: Marking, now: int) -> Marked:
        """Commits a marking as one change of its inbox, with the answer to its request."""

        def change(connection: Connection) -> Marked | WithChanges[Marked]:
            return mark(connection, marking, now, self._live.watches)

        unit = self._idempotency.once(marking.request, now, change, MARKED)
        ids = marking.selection.message_ids
        # Of ids the number is a bound; the other selections are bounded by the inbox's counters.
        most = most_changed(marking, await self.get_inbox(marking.key)) if ids is None else len(ids)
        return await self._writer.run(unit, weight(most))
