"""Inboxes, kept."""

from typing import Protocol

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox, InboxChannel, InboxChannelQuery
from tocsin_server.domain.model.marking import Marked, Marking
from tocsin_server.domain.model.pages import Page
from tocsin_server.domain.ports.history import InboxHistory


class InboxStore(InboxHistory, Protocol):
    """Keeps inboxes."""

    async def get_inbox(self, key: InboxKey) -> Inbox:
        """Returns the inbox; an empty one at revision 0 for an unknown user."""
        ...

    async def list_inbox_channels(self, query: InboxChannelQuery) -> Page[InboxChannel]:
        """Returns a page of an inbox's channels, latest arrival first.

        Only channels with a notification are listed. The page has at most `limit` items,
        and ends earlier where a response is full.

        Raises:
            FieldsInvalid: no list of an inbox's channels gave the key.
        """
        ...

    async def mark(self, marking: Marking, now: int) -> Marked:
        """Commits a marking as one change of its inbox, and announces it to Live.

        State, counters and the answer to the request change in one transaction, at
        one revision; at no revision when nothing changes. A repeated request changes
        nothing and gets the first answer.

        Raises:
            RequestIdReused: the request id was used for another request.
        """
        ...
