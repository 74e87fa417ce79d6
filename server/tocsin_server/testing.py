"""A real server inside the process, for tests of programs that use Tocsin.

```python
from tocsin_client import Client
from tocsin_server.testing import LocalServer

with LocalServer() as server, Client(server.target) as client:
    client.create_channel("news", title="News")
    client.send("news", "Hello", to="alice")
    server.clock.advance(3600)
```

It is the server of `tocsin-server serve`. It has its own store and unix socket, which it removes at
the end, and a clock that shows the same time until a test moves it. It needs the extra `server`:
`pip install 'tocsin[server]'`. pytest finds the fixture `tocsin_server`, which is such a server.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

try:
    from tocsin_server.app import Parts, serving
    from tocsin_server.settings import Settings
except ModuleNotFoundError as missing:
    package = (missing.name or "").partition(".")[0]
    raise ModuleNotFoundError(
        f"{package} is not installed: pip install 'tocsin[server]'", name=missing.name
    ) from None

__all__ = ["DrivenClock", "LocalServer"]

_DEFAULT = Settings()

# Short, so that tests need not wait for due jobs.
_WORK_SECONDS = 0.02
_PRUNE_SECONDS = 0.1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class DrivenClock:
    """A server's clock: it shows the same time until it is moved. Any thread may move it."""

    def __init__(self, time: datetime | None = None) -> None:
        """Starts at `time`, which has a zone; by default at the present time.

        Raises:
            ValueError: `time` has no zone, or is not of the years 1970 to 9999.
        """
        self._lock = Lock()
        self._now = 0
        self.set(time or datetime.now(UTC))

    @property
    def time(self) -> datetime:
        """The time that the clock shows, in UTC."""
        return _EPOCH + timedelta(microseconds=self.now())

    def now(self) -> int:
        """Returns the time that the clock shows, in microseconds since the Unix epoch."""
        with self._lock:
            return self._now

    def settled(self) -> int:
        """Returns the same time as `now`: each move of this clock counts at once."""
        return self.now()

    def advance(self, span: float | timedelta) -> None:
        """Moves the clock by a span, or by a number of seconds; backwards if it is negative.

        Raises:
            ValueError: `span` is no span, or leads out of the years 1970 to 9999.
        """
        try:
            length = span if isinstance(span, timedelta) else timedelta(seconds=span)
        except OverflowError:
            raise ValueError(f"{span} seconds lead out of the years 1970 to 9999") from None
        with self._lock:
            self._show(self._now + length // _MICROSECOND)

    def set(self, time: datetime) -> None:
        """Sets the clock.

        Raises:
            ValueError: `time` has no zone, or is not of the years 1970 to 9999.
        """
        if time.tzinfo is None:
            raise ValueError("the time needs a zone: datetime(…, tzinfo=UTC)")
        with self._lock:
            self._show((time - _EPOCH) // _MICROSECOND)

    def _show(self, now: int) -> None:
        if not 0 <= now <= (_LAST - _EPOCH) // _MICROSECOND:
            raise ValueError("the clock shows the years 1970 to 9999 only")
        self._now = now


class LocalServer:
    """A server in this process, with its own event loop and thread, while its context lasts.

    Clients of this process and of others can use it, blocking and asyncio ones. `with` and
    `async with` do the same.
    """

    def __init__(
        self,
        *,
        time: datetime | None = None,
        idempotency_retention: float = _DEFAULT.idempotency_retention,
        history_retention: float = _DEFAULT.history_retention,
        max_streams: int = _DEFAULT.max_streams,
    ) -> None:
        """Prepares a server with an empty store; it starts when its context begins.

        The defaults are those of `tocsin-server serve`.

        Args:
            time: The time that its clock shows at first; by default the present time.
            idempotency_retention: How many seconds a request id is remembered, 1 or more.
            history_retention: How many seconds at least a stream can resume from a cursor, 1 or
                more.
            max_streams: How many streams it has open at most, 1 or more.

        Raises:
            ValueError: `time` has no zone or is not of the years 1970 to 9999, or a number is out
                of its bounds.
        """
        self.clock = DrivenClock(time)
        """The clock that the server uses."""
        self._settings = Settings(
            idempotency_retention=idempotency_retention,
            history_retention=history_retention,
            max_streams=max_streams,
        )
        self._folder: TemporaryDirectory[str] | None = None
        self._running: _Running | None = None

    @property
    def target(self) -> str:
        """The target that clients connect to: `unix:…`.

        Raises:
            RuntimeError: the context has not begun, or is over.
        """
        return f"unix:{self._path}/socket"

    def start(self) -> None:
        """Starts the server again after `stop`, on the same target and store, and waits until it serves.

        Raises:
            RuntimeError: the server runs, or the context has not begun.
        """
        if self._running is not None:
            raise RuntimeError("the server runs")
        settings = replace(
            self._settings,
            database_url=f"sqlite+aiosqlite:///{self._path}/tocsin.db",
            listen=self.target,
        )
        self._running = _Running(settings, self.clock)

    def stop(self) -> None:
        """Stops the server as SIGTERM does: clients reconnect their streams. The store stays."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    def restart(self) -> None:
        """Stops the server and starts it again."""
        self.stop()
        self.start()

    @property
    def _path(self) -> Path:
        if self._folder is None:
            raise RuntimeError(
                "the server exists only while its context lasts: with LocalServer() …"
            )
        return Path(self._folder.name)

    def __enter__(self) -> Self:
        if self._folder is not None:
            raise RuntimeError("the context of this server has begun")
        # Not in TMPDIR: a socket's path must be short, and a URL's path must need no quoting.
        self._folder = TemporaryDirectory(prefix="tocsin-", dir="/tmp")  # a new directory
        try:
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class _Running:
    """A server that serves, from construction to `stop`."""

    def __init__(self, settings: Settings, clock: DrivenClock) -> None:
        self._ready = Event()
        self._failure: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = Thread(
            target=self._run, args=(settings, clock), name="tocsin-server", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        self._check()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self, settings: Settings, clock: DrivenClock) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve(settings, clock))
        except BaseException as failure:  # noqa: BLE001  # the starting thread raises it
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self, settings: Settings, clock: DrivenClock) -> None:
        parts = Parts(clock, work_seconds=_WORK_SECONDS, prune_seconds=_PRUNE_SECONDS)
        async with serving(settings, parts):
            self._ready.set()
            await self._stopping.wait()
