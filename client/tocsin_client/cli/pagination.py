"""Reads lists of any length page by page, up to a limit."""

from collections.abc import AsyncIterator
from typing import TypeVar

_Item = TypeVar("_Item")

# Large enough to make calls cheap; the server keeps a page under 1 MiB.
_PAGE = 500


def page_size(limit: int | None) -> int:
    """Returns how many items a call should read."""
    return min(limit or _PAGE, _PAGE)


async def first(listed: AsyncIterator[_Item], limit: int | None) -> AsyncIterator[_Item]:
    """Yields the first `limit` items; all if it is None."""
    count = 0
    async for item in listed:
        yield item
        count += 1
        if count == limit:
            return
