"""Lists of any length: page by page, up to a limit."""

from collections.abc import AsyncIterator
from typing import TypeVar

_Item = TypeVar("_Item")

# Enough that calls cost little; a page is never more than a MiB.
_PAGE = 500


def page_size(limit: int | None) -> int:
    """How many a call should read."""
    return min(limit or _PAGE, _PAGE)


async def first(listed: AsyncIterator[_Item], limit: int | None) -> AsyncIterator[_Item]:
    """The first `limit` of a list; all of them where it is None."""
    count = 0
    async for item in listed:
        yield item
        count += 1
        if count == limit:
            return
