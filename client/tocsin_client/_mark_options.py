"""The keyword arguments that all marks share, so that each mark declares only its own effect."""

from collections.abc import Iterable
from typing import TypedDict


class LiveMarkOptions(TypedDict, total=False):
    """The keyword arguments of a live inbox's marks: one of `ids`, `channel_ids` and `all`."""

    ids: str | Iterable[str] | None
    """Notifications by their ids, 1 to 1,000; ids that are not the user's are ignored."""
    channel_ids: str | Iterable[str] | None
    """The notifications of these channels, 1 to 100."""
    all: bool
    """All notifications of the inbox."""
    request_id: str | None
    """Makes a repeat of this call safe. By default a new one."""
    timeout: float | None
    """How many seconds the call may take; by default the client's."""


class MarkOptions(LiveMarkOptions, total=False):
    """The keyword arguments of a client's marks: one of `ids`, `channel_ids` and `all`."""

    up_to_revision: int | None
    """With `channel_ids` or `all`: only notifications that arrived up to this revision of the
    inbox, so that later ones, which the user has not seen, stay as they are; 0 marks nothing. By
    default there is no bound."""
