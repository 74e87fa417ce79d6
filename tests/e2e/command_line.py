"""The command line `tocsin` in processes of its own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.program import Program, environment

SECONDS = 60.0
TOCSIN = Path(sys.executable).with_name("tocsin")
NOWHERE = "127.0.0.1:1"

_WAITING = ("tocsin: waiting for ", "tocsin: waiting up to ")


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code and the output of a run that has ended.

    `errors` is without the lines about waiting for a server: a slow machine causes these.
    """

    code: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Running:
    """A run in progress."""

    process: Process

    async def write(self, text: str) -> None:
        """Writes to its stdin, which stays open."""
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        await self.process.stdin.drain()

    async def line(self) -> str:
        """The next line of its output."""
        assert self.process.stdout is not None
        return await _line(self.process.stdout)

    async def error_line(self) -> str:
        """The next line on stderr."""
        assert self.process.stderr is not None
        return await _line(self.process.stderr)

    async def interrupt(self) -> Ended:
        """Presses Ctrl-C, and waits for the end."""
        self.process.send_signal(signal.SIGINT)
        return await self.end()

    async def end(self, stdin: str | bytes = "") -> Ended:
        """Writes the rest of its stdin, closes it, and waits for the end."""
        rest = stdin.encode() if isinstance(stdin, str) else stdin
        async with asyncio.timeout(SECONDS):
            output, written = await self.process.communicate(rest)
        assert self.process.returncode is not None
        lines = written.decode().splitlines(keepends=True)
        errors = "".join(line for line in lines if not line.startswith(_WAITING))
        return Ended(self.process.returncode, output.decode(), errors)


async def run(*arguments: str | bytes, stdin: str = "", **variables: str) -> Ended:
    """Runs the program to its end, with `stdin` as its input."""
    async with running(*arguments, **variables) as started:
        return await started.end(stdin)


async def tocsin(program: Program, *arguments: str | bytes, stdin: str = "") -> Ended:
    """Runs the program against a server, to its end."""
    return await run(*arguments, stdin=stdin, TOCSIN_TARGET=program.target)


def one_line(ended: Ended, code: int) -> str:
    """Returns the error of the program: one line on stderr, and nothing on stdout."""
    assert ended.code == code, ended
    assert ended.output == ""
    (line,) = ended.errors.splitlines()
    assert line.startswith("tocsin: ")
    return line


@asynccontextmanager
async def running(*arguments: str | bytes, **variables: str) -> AsyncIterator[Running]:
    """Starts the program, and makes sure that it ends."""
    process = await asyncio.create_subprocess_exec(
        TOCSIN, *arguments, env=environment(**variables), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def shell(script: str, **variables: str) -> Ended:
    """Runs a line of bash, and returns the exit code of the first program of its pipe."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}"),
        env=environment(**variables) | {"PATH": f"{TOCSIN.parent}:/usr/bin:/bin"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        return await Running(process).end()
    finally:
        # Ends what the line left running, after a failure.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _line(stream: asyncio.StreamReader) -> str:
    async with asyncio.timeout(SECONDS):
        line = (await stream.readline()).decode()
    assert line.endswith("\n"), f"it ended with {line!r}"
    return line.rstrip("\n")
