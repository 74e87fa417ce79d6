"""Pages of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and whether more follow.

    A page holds what fits a response, and at least one item when there are any.
    """

    items: Sequence[T]
    more: bool
