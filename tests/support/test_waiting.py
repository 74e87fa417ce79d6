import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.waiting import ProcessorWaits, until

ON_ONE_PROCESSOR = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
while True:
    pass
"""


@pytest.fixture
def rivals() -> Iterator[list[int]]:
    """The ids of two processes that never rest, on one processor."""
    started = [subprocess.Popen([sys.executable, "-c", ON_ONE_PROCESSOR]) for _ in range(2)]
    yield [each.pid for each in started]
    for each in started:
        each.kill()
        each.wait()


async def test_a_process_that_gets_no_processor_waits(rivals: list[int]) -> None:
    waits = ProcessorWaits(rivals[0])

    await until(lambda: waits.seconds() > 0.05)


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_what_a_process_waited_is_kept_when_it_has_ended(rivals: list[int]) -> None:
    waits = ProcessorWaits(rivals[0])
    await until(lambda: waits.seconds() > 0.05)
    before = waits.seconds()

    _end(rivals[0])

    assert waits.seconds() >= before


def test_a_process_that_wants_no_processor_does_not_wait() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as idle:
        assert idle.stdin is not None
        waits = ProcessorWaits(idle.pid)
        os.kill(idle.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, idle.pid, os.WSTOPPED)
        stopped = waits.seconds()

        assert waits.seconds() == stopped
        idle.kill()
