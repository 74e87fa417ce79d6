"""The items of a change or of a page of changes."""

from collections.abc import Sequence

from tocsin_server.domain.model.changes import Item
from tocsin_server.domain.model.inboxes import Notification


def notifications(items: Sequence[Item] | None) -> list[Notification]:
    """The items, which must be notifications, all of them."""
    assert items is not None
    found = [item for item in items if isinstance(item, Notification)]
    assert len(found) == len(items)
    return found
