"""Pages of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and where the next page begins.

    A page holds what fits a response, and at least one item when there are any.

    Attributes:
        items: the items, in the order of the list.
        next: the key of the next page, which the store makes and reads; empty at the
            end of the list.
    """

    items: Sequence[T]
    next: str = ""
