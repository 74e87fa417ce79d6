"""The program in a process of its own: started, killed, stopped, and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from tests.support.waiting import ProcessorWaits

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_MOMENT = 0.05
READY = "tocsin ready grpc="

SERVE = (sys.executable, "-m", "tocsin_server", "serve")
_ALTERED = (sys.executable, str(Path(__file__).with_name("altered_server.py")))
DEAF = (*_ALTERED, "deaf")
HASTY = (*_ALTERED, "hasty")


def environment(**variables: str) -> dict[str, str]:
    """This process's environment, without what would configure Tocsin or make, and `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TOCSIN_", "MAKE", "MFLAGS", "ARGS"))
    }
    return kept | variables


class NotServingError(Exception):
    """The program ended, or did not get ready in time."""


class Program:
    """One store's server, over as many lives as it takes.

    Attributes:
        target: where it listens, the same in every life.
        database_url: the store's.
        output: what it wrote to stdout in the lives that are over.
    """

    def __init__(
        self,
        directory: Path,
        command: Sequence[str] = SERVE,
        target: str = "127.0.0.1:0",
        database_url: str | None = None,
    ) -> None:
        self.directory = directory
        self.database_url = database_url or f"sqlite+aiosqlite:///{directory / 'tocsin.db'}"
        self.target = target
        self.output = ""
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to stderr, over all lives."""
        return self._log_path.read_text(errors="replace")

    async def start(self) -> None:
        """Starts it, and returns once it is ready.

        Raises:
            NotServingError: it is not.
        """
        assert self._process is None, "it runs already"
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--listen", self.target, "--database-url", self.database_url),
                cwd=self.directory,
                env=environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = (await self._process.stdout.readline()).decode()
        if not line.startswith(READY):
            raise NotServingError(f"it said {line!r} and {self.log[-2000:]}")
        self.output += line
        self.target = line.removeprefix(READY).rstrip("\n")

    async def kill(self) -> None:
        """Kills it: nothing in it runs any more."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals, seconds: float = STOP_SECONDS) -> int:
        """Sends a signal, and returns the exit code.

        Raises:
            TimeoutError: it still runs after so many seconds. The time in which it waited for a
                processor does not count, up to as many seconds again.
        """
        assert self._process is not None, "it does not run"
        waits = ProcessorWaits(self.pid)
        begun = monotonic()
        self._process.send_signal(number)
        while (code := await self._ended()) is None:
            if monotonic() - begun > seconds + min(waits.seconds(), seconds):
                raise TimeoutError
        assert self._process.stdout is not None
        self.output += (await self._process.stdout.read()).decode()
        self._process = None
        return code

    async def _ended(self) -> int | None:
        """Returns the exit code, None if it still runs after a moment."""
        assert self._process is not None
        try:
            async with asyncio.timeout(_MOMENT):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Makes sure that it does not run."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.communicate()
            self._process = None

    @property
    def _log_path(self) -> Path:
        return self.directory / "stderr"
