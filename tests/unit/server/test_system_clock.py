from pathlib import Path

import pytest
from tocsin_server.domain.model.retention import Retention
from tocsin_server.live.hub import Hub
from tocsin_server.store.store import SqlStore
from tocsin_server.system_clock import SystemClock

from tests.support.building import channel, request, send
from tests.support.serving import database

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
SETTLE = 600 * SECOND
BEGIN = 1_800_000_000 * SECOND


class Machine:
    """A machine whose wall clock can be set."""

    def __init__(self) -> None:
        self.wall = BEGIN
        self.monotonic = 5 * SECOND
        self.clock = SystemClock(600.0, lambda: self.wall, lambda: self.monotonic)

    def pass_time(self, nanoseconds: int) -> None:
        """Both clocks go on; the settled time is read before and after."""
        self.clock.settled()
        self.wall += nanoseconds
        self.monotonic += nanoseconds
        self.clock.settled()


@pytest.fixture
def machine() -> Machine:
    """A machine whose clock has settled."""
    machine = Machine()
    machine.pass_time(SETTLE)
    return machine


def test_nothing_is_old_until_the_clock_has_settled() -> None:
    machine = Machine()

    machine.pass_time(SETTLE - SECOND)
    before = machine.clock.settled()
    machine.pass_time(SECOND)

    assert before == 0
    assert machine.clock.settled() == machine.clock.now()


@pytest.mark.parametrize("jump", [30 * DAY, -30 * DAY])
def test_a_jump_for_a_moment_does_not_count(machine: Machine, jump: int) -> None:
    true_time = machine.clock.now()
    machine.wall += jump

    machine.pass_time(5 * SECOND)
    during = machine.clock.settled()
    machine.wall -= jump
    machine.pass_time(SETTLE)

    assert during == true_time + 5_000_000
    assert machine.clock.settled() == machine.clock.now()


@pytest.mark.parametrize("jump", [30 * DAY, -30 * DAY])
def test_a_jump_that_lasts_counts(machine: Machine, jump: int) -> None:
    machine.wall += jump

    machine.pass_time(SETTLE)

    assert machine.clock.settled() == machine.clock.now()


def test_jumps_to_and_fro_do_not_add_up(machine: Machine) -> None:
    true_time = machine.clock.now()

    for number in range(10):
        machine.wall += DAY * (1 if number % 2 else -1)
        machine.pass_time(SETTLE // 10)

    assert machine.clock.settled() == true_time + SETTLE // 1_000


def test_a_clock_that_is_slewed_is_followed(machine: Machine) -> None:
    for _ in range(100):
        machine.wall += SECOND // 2
        machine.pass_time(1_000 * SECOND)

    assert machine.clock.settled() == machine.clock.now()


@pytest.mark.parametrize("jump", [30 * DAY, -30 * DAY])
async def test_a_jump_of_seconds_forgets_no_request_id(
    machine: Machine, tmp_path: Path, jump: int
) -> None:
    url = database(tmp_path / "tocsin.db")
    store = await SqlStore.open(url, Hub(1), machine.clock, Retention(3600.0, 7200.0))
    await store.channels.create_channel(request(), channel())
    (before,) = await store.messages.send([send("alice", request_id="before")])

    machine.wall += jump
    now = machine.clock.now()
    (during,) = await store.messages.send([send("alice", request_id="during", create_time=now)])
    (at_once,) = await store.messages.send([send("alice", request_id="before", create_time=now)])
    await store.pruning.prune(machine.clock.settled())
    machine.wall -= jump
    repeats = await store.messages.send(
        [send("alice", request_id=name) for name in ("before", "during")]
    )
    await store.close()

    assert at_once == before
    assert repeats == [before, during]
