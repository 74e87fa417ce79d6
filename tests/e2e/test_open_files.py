"""The limit of open files: raised, refused when it is too low, named when it is reached."""

import asyncio
import re
import socket
from contextlib import ExitStack
from pathlib import Path

import grpc
import psutil
from tocsin.v1.channel_service_pb2 import ListChannelsRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub

from tests.e2e.commands import complaint_of
from tests.e2e.conftest import StartProgram
from tests.e2e.program import SERVE
from tests.support.waiting import DEADLINE_SECONDS, until

LIMIT = 200


def with_open_files(soft: int, hard: int, *arguments: str) -> list[str]:
    """A server with limits of open files."""
    script = f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"'
    return ["bash", "-c", script, "bash", *SERVE, *arguments]


async def test_the_soft_limit_is_raised_to_the_hard_one(start_program: StartProgram) -> None:
    program = await start_program(with_open_files(100, LIMIT, "--max-streams", "40"))

    assert psutil.Process(program.pid).rlimit(psutil.RLIMIT_NOFILE) == (LIMIT, LIMIT)


def test_more_streams_than_files_can_be_open_are_refused(tmp_path: Path) -> None:
    complaint = complaint_of(with_open_files(100, LIMIT, "--max-streams", "100"), tmp_path)

    assert "--max-streams" in complaint
    assert re.search(r"100 streams need 228 open files; the limit is 200", complaint)


async def test_by_default_a_server_has_as_many_streams_as_files_can_be_open(
    start_program: StartProgram,
) -> None:
    program = await start_program(with_open_files(LIMIT, LIMIT))

    # The line about the limit follows the ready line.
    await until(lambda: '"max_streams": 72' in program.log)


async def test_at_the_limit_the_log_says_so_and_the_server_serves_again_when_devices_leave(
    start_program: StartProgram,
) -> None:
    program = await start_program(with_open_files(LIMIT, LIMIT, "--max-streams", "40"))
    host, _, port = program.target.rpartition(":")

    with ExitStack() as devices:
        for _ in range(LIMIT):
            devices.enter_context(socket.create_connection((host, int(port))))
        await until(lambda: "the limit of open files is reached" in program.log)
        async with grpc.aio.insecure_channel(program.target) as channel:
            call = ChannelServiceStub(channel).ListChannels(
                ListChannelsRequest(), wait_for_ready=True
            )
            devices.close()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await call

    await until(lambda: "there is room for open files again" in program.log)
