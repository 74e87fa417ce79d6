"""Reading a store to the end, page by page."""

from collections.abc import Sequence
from typing import TypeVar

from tocsin_server.domain.model.changes import ENVELOPE_BYTES
from tocsin_server.domain.model.channels import Channel
from tocsin_server.domain.model.errors import TocsinError
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Notification, NotificationFilter
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
        page = await store.list_channels(tenant, after, limit)
        check(page, limit)
        found += page.items
        if not page.more:
            break
        after = found[-1].channel_id
    return found


async def all_messages(store: Store, tenant: str, channel_id: str, limit: int) -> list[Message]:
    before, found = None, list[Message]()
    for _ in range(PAGES_AT_MOST):
        page = await store.list_messages(tenant, channel_id, before, limit)
        check(page, limit)
        assert size_of(page.items) <= RESPONSE_BYTES
        found += page.items
        if not page.more:
            break
        before = found[-1].sequence
    return found


async def all_notifications(
    store: Store,
    key: InboxKey,
    channel_ids: Sequence[str] = (),
    which: NotificationFilter = NotificationFilter.ALL,
    limit: int = 1_000,
) -> list[Notification]:
    before: int | None = None
    found = list[Notification]()
    for _ in range(PAGES_AT_MOST):
        page = await store.list_notifications(key, channel_ids, which, before, limit)
        check(page, limit)
        assert size_of([row.message for row in page.items]) <= RESPONSE_BYTES
        found += page.items
        if not page.more:
            break
        before = found[-1].arrive_revision
    return found


def size_of(messages: Sequence[Message]) -> int:
    """The most bytes that messages take in a response."""
    return sum(len(message.body) + ENVELOPE_BYTES for message in messages)


def check(page: Page[T], limit: int) -> None:
    """A page never holds more than was asked for, nor nothing when there is more."""
    assert len(page.items) <= limit
    assert page.items or not page.more
