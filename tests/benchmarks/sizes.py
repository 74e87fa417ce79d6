"""How much of everything a run makes, and what one round of a measure is."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.benchmarks.servers import Program

# One round: it loads a server and gives its figures by name.
Round = Callable[[], Awaitable[dict[str, float]]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of everything."""

    users: int
    lone_sends: int
    concurrent_sends: int
    batches: int
    batch_items: int
    exchanges: int
    streams: int
    fan_outs: int
    notifications: int
    idle_streams: int
    looks: int
    small_inbox: int
    large_inbox: int
    marked_inbox: int
    marking_callers: int
    marks_a_caller: int
    deleted_messages: int
    restarted_streams: int


FULL = Sizes(
    users=1_000,
    lone_sends=500,
    concurrent_sends=4_000,
    batches=160,
    batch_items=100,
    exchanges=1_000,
    streams=1_000,
    fan_outs=5,
    notifications=100_000,
    idle_streams=2_000,
    looks=150,
    small_inbox=1_000,
    large_inbox=1_000_000,
    marked_inbox=100_000,
    marking_callers=100,
    marks_a_caller=4,
    deleted_messages=50,
    restarted_streams=200,
)
# Enough to see that every measure works; its figures mean nothing.
QUICK = Sizes(
    users=64,
    lone_sends=10,
    concurrent_sends=128,
    batches=4,
    batch_items=20,
    exchanges=20,
    streams=100,
    fan_outs=2,
    notifications=2_000,
    idle_streams=100,
    looks=10,
    small_inbox=100,
    large_inbox=2_000,
    marked_inbox=1_000,
    marking_callers=10,
    marks_a_caller=2,
    deleted_messages=3,
    restarted_streams=20,
)

# Prepares a server of its own for a measure, and takes it down again.
Prepare = Callable[[Program, Sizes], AbstractAsyncContextManager[Round]]
