"""Counters of an inbox and of its channels."""

from typing import NamedTuple


class Counters(NamedTuple):
    """How many notifications there are, how many unread, how many unseen."""

    total: int
    unread: int
    unseen: int


class ChannelCounters(NamedTuple):
    """One channel's share of an inbox's counters."""

    channel_id: str
    counters: Counters
