"""The two servers, each in a process of its own."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.channel_service_pb2 import CreateChannelRequest
from tocsin.v1.channel_service_pb2_grpc import ChannelServiceStub

from tests.benchmarks.samples import CHANNEL_ID
from tests.support.postgres import running as running_postgres

CHECKOUT = Path(__file__).parents[2]
START_LIMIT = 30.0
STOP_LIMIT = 15.0


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be started: its name, its arguments, and what gives it a database.

    The database is empty, has a URL, and lasts as long as the context; it may use a directory.
    """

    name: str
    arguments: tuple[str, ...]
    database: Callable[[Path], AbstractContextManager[str]] | None = None


def _sqlite(directory: Path) -> AbstractContextManager[str]:
    return nullcontext(f"sqlite+aiosqlite:///{directory}/tocsin.db")


@contextmanager
def _postgresql(directory: Path) -> Iterator[str]:
    with running_postgres(directory / "postgres") as postgres:
        yield postgres.create_empty()


_SERVE = ("-m", "tocsin_server", "serve", "--listen")
BARE = Program("bare", ("-m", "tests.benchmarks.bare"))
TOCSIN = Program("tocsin", _SERVE, _sqlite)
ON_POSTGRESQL = Program("tocsin", _SERVE, _postgresql)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program runs: a directory of its own, and its database's URL if it has one."""

    directory: Path
    url: str | None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens, and when it was spawned and gave its ready line."""

    program: Program
    process: psutil.Process
    target: str
    spawned: float
    ready: float

    def resident_bytes(self) -> int:
        """Reads how much memory its process holds."""
        return self.process.memory_info().rss


class ServerFailedError(Exception):
    """A server ended, or did not say in time that it was ready."""


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Server]:
    """Runs `program` in a place of its own, with the sample's channel, and stops it afterwards."""
    with placed(program) as place:
        async with living(program, place) as server:
            if place.url is not None:
                await _create_channel(server.target)
            yield server


@contextmanager
def placed(program: Program) -> Iterator[Place]:
    """Makes a place for `program`, and takes it away afterwards."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name, ExitStack() as stack:
        directory, url = Path(name), None
        if program.database is not None:
            url = stack.enter_context(program.database(directory))
        yield Place(directory, url)


@asynccontextmanager
async def living(
    program: Program, place: Place, listen: str = "127.0.0.1:0"
) -> AsyncIterator[Server]:
    """Runs `program` in a place, as it is, and stops it afterwards."""
    database = [] if place.url is None else ["--database-url", place.url]
    with (place.directory / "stderr").open("w+b") as stderr:
        spawned = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(*program.arguments, listen, *database),
            cwd=CHECKOUT,
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
        try:
            target = await _ready_target(program, process)
            ready = time.perf_counter()
            if target is None:
                stderr.seek(0)
                said = stderr.read()[-2000:].decode(errors="replace")
                raise ServerFailedError(f"{program.name} did not start:\n{said}")
            yield Server(program, psutil.Process(process.pid), target, spawned, ready)
        finally:
            await _stop(process)


def _environment() -> dict[str, str]:
    """Leaves out what configures Tocsin or Python, so that every run measures the defaults."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TOCSIN_") and name != "PYTHONDONTWRITEBYTECODE"
    }


async def _ready_target(program: Program, process: asyncio.subprocess.Process) -> str | None:
    """Waits for the ready line; None when the server ended or took too long."""
    assert process.stdout is not None
    prefix = f"{program.name} ready grpc="
    try:
        async with asyncio.timeout(START_LIMIT):
            async for line in process.stdout:
                if line.decode().startswith(prefix):
                    return line.decode().removeprefix(prefix).strip()
    except TimeoutError:
        pass
    return None


async def _create_channel(target: str) -> None:
    async with grpc.aio.insecure_channel(target) as connection:
        await ChannelServiceStub(connection).CreateChannel(
            CreateChannelRequest(channel=Channel(channel_id=CHANNEL_ID, title="Marketing clues")),
            timeout=START_LIMIT,
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_LIMIT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
