"""Reading a store to the end, page by page."""

from collections.abc import Sequence
from typing import TypeVar

from tocsin_server.domain.model.changes import ENVELOPE_BYTES
from tocsin_server.domain.model.channels import Channel
from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification, NotificationFilter, NotificationQuery
from tocsin_server.domain.model.limits import RESPONSE_BYTES
from tocsin_server.domain.model.messages import Message, Sent
from tocsin_server.domain.model.pages import Page

from tests.contract.stores import Store

T = TypeVar("T")

PAGES_AT_MOST = 10_000


def sent(outcome: Sent | TocsinError) -> Sent:
    """The outcome of a send that must have succeeded."""
    assert isinstance(outcome, Sent), outcome
    return outcome


async def all_channels(store: Store, tenant: str, limit: int) -> list[Channel]:
    after, found = "", list[Channel]()
    for _ in range(PAGES_AT_MOST):
        page = await store.channels.list_channels(tenant, after, limit)
        check(page, limit)
        found += page.items
        if not page.next:
            break
        after = page.next
    return found


async def all_messages(store: Store, tenant: str, channel_id: str, limit: int) -> list[Message]:
    after, found = "", list[Message]()
    for _ in range(PAGES_AT_MOST):
        page = await store.messages.list_messages(tenant, channel_id, after, limit)
        check(page, limit)
        assert size_of(page.items) <= RESPONSE_BYTES
        found += page.items
        if not page.next:
            break
        after = page.next
    return found


async def all_notifications(
    store: Store,
    key: InboxKey,
    channel_ids: Sequence[str] = (),
    which: NotificationFilter = NotificationFilter.ALL,
    limit: int = 1_000,
) -> list[Notification]:
    after, found = "", list[Notification]()
    for _ in range(PAGES_AT_MOST):
        page = await store.inboxes.list_notifications(
            NotificationQuery(key, limit, after, channel_ids, which)
        )
        check(page, limit)
        assert size_of([row.message for row in page.items]) <= RESPONSE_BYTES
        found += page.items
        if not page.next:
            break
        after = page.next
    return found


def size_of(messages: Sequence[Message]) -> int:
    """The most bytes that messages take in a response."""
    return sum(len(message.body) + ENVELOPE_BYTES for message in messages)


def check(page: Page[T], limit: int) -> None:
    """A page never holds more than its limit, nor nothing when another one follows."""
    assert len(page.items) <= limit
    assert page.items or not page.next
