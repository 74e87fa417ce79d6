"""The server in the tests' process, for tests of the command line: no program has to start."""

from contextlib import AsyncExitStack
from pathlib import Path
from signal import Signals

from tocsin_server.settings import Settings

from tests.e2e.program import STOP_SECONDS, Program
from tests.support.serving import served

_NO_PROCESS = "a test that needs the server's process is marked with `process`"


class LocalProgram(Program):
    """A `Program` without a process: it can be called, and nothing else."""

    def __init__(self, directory: Path, target: str) -> None:
        super().__init__(directory, target=target)
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Serves, with the channel marketing-clue."""
        settings = Settings(database_url=self.database_url, listen=self.target)
        server = await self._stack.enter_async_context(served(settings))
        await server.client.create_channel("marketing-clue", title="Clues")

    @property
    def pid(self) -> int:
        """Nothing."""
        raise NotImplementedError(_NO_PROCESS)

    @property
    def log(self) -> str:
        """Nothing."""
        raise NotImplementedError(_NO_PROCESS)

    async def end(self, number: Signals, seconds: float = STOP_SECONDS) -> int:
        """Does nothing."""
        raise NotImplementedError(_NO_PROCESS)

    async def aclose(self) -> None:
        """Stops serving."""
        await self._stack.aclose()
