from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from tests.e2e.command_line import Ended, tocsin
from tests.e2e.local_program import LocalProgram
from tests.e2e.ports import lasting_port
from tests.e2e.program import SERVE, Program

StartProgram = Callable[..., Awaitable[Program]]


@pytest.fixture(autouse=True)
def programs_fork(forked: None) -> None:
    """Programs start without their imports."""


@pytest.fixture
async def start_program(tmp_path: Path) -> AsyncIterator[StartProgram]:
    """Starts the program on a store of the test's own, and ends it with the test."""
    async with AsyncExitStack() as stack:

        async def start(
            command: Sequence[str] = SERVE,
            *,
            target: str = "127.0.0.1:0",
            database_url: str | None = None,
        ) -> Program:
            program = Program(tmp_path, command, target, database_url)
            stack.push_async_callback(program.close)
            await program.start()
            return program

        yield start


@pytest.fixture
async def program(
    request: pytest.FixtureRequest, start_program: StartProgram, tmp_path: Path
) -> AsyncIterator[Program]:
    """The server for a test of the command line, with the channel marketing-clue.

    It has a process of its own for a test that is marked with `process`.
    """
    target = f"127.0.0.1:{lasting_port()}"
    if request.node.get_closest_marker("process") is not None:
        program = await start_program(target=target)
        created = await tocsin(program, "channels", "create", "marketing-clue", "--title", "Clues")
        assert created == Ended(0, "created marketing-clue\n", "")
        yield program
        return
    async with aclosing(LocalProgram(tmp_path, target)) as local:
        await local.start()
        yield local
