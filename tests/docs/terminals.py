"""Terminals in which what a document shows is entered, and must be seen.

Only what must differ does: the server's address, the home, and whatever is new in every run.
"""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.pages import ROOT, Block
from tests.e2e.ports import lasting_port
from tests.e2e.program import environment

SECONDS = 60.0
SHOWN_ADDRESS = "127.0.0.1:50051"
SHOWN_HOME = "/home/alice"
CTRL_C = "^C\n"

_NEW_IN_EVERY_RUN = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-[0-9a-f]{16})?\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z|Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"\bA[A-Za-z0-9_-]{59}(?![A-Za-z0-9_-])"), "CURSOR"),
    (re.compile(r"\b[\d,]+ bytes"), "SIZE"),
)


class Terminal:
    """One terminal: a program at a time, whose output is compared line by line."""

    def __init__(self, directory: Path, target: str) -> None:
        """Opens it in a directory that `furnish` has furnished."""
        self._directory = directory
        self._target = target
        self._process: Process | None = None

    async def enter(self, block: Block) -> None:
        """Starts what a block says; what was started before has to end first."""
        await self.finish()
        text = block.text.replace(SHOWN_ADDRESS, self._target)
        if block.language == "python":
            command = [str(self._directory / ".venv/bin/python"), "-c", text]
        else:
            # What is installed stays as it is: this is a run of the tests.
            command = ["sh", "-c", re.sub(r"\bmake run\b", "make -o .venv/.server run", text)]
        with (self._directory / "stderr").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._directory,
                env=environment(
                    HOME=str(self._directory),
                    PATH=f"{self._directory / '.venv/bin'}:{os.environ['PATH']}",
                    TOCSIN_LISTEN=self._target,
                    TOCSIN_TARGET=self._target,
                    PYTHONUNBUFFERED="1",
                ),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
            )

    async def read(self, block: Block) -> object:
        """Reads on by as much as a block shows; gives it as `shown` gives the block."""
        if block.language == "json":
            return await self._read_json()
        return [await self._read_line() for _ in block.text.splitlines()]

    async def press_ctrl_c(self) -> None:
        """Interrupts what runs; it shows nothing more."""
        assert self._process is not None, "nothing runs"
        os.killpg(self._process.pid, signal.SIGINT)
        await self._see_end()

    async def finish(self) -> None:
        """Waits for the program's end, if one runs; it must print no more, and exit with 0."""
        if self._process is not None:
            assert await self._see_end() == 0, self._log

    async def close(self) -> None:
        """Makes sure that nothing runs."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.communicate()

    @property
    def running(self) -> bool:
        """Whether something was started and has not been seen to end."""
        return self._process is not None

    @property
    def _log(self) -> str:
        return (self._directory / "stderr").read_text(errors="replace")[-2_000:]

    async def _see_end(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(SECONDS):
            output, _ = await self._process.communicate()
        assert output == b"", output
        code, self._process = self._process.returncode, None
        assert code is not None
        return code

    async def _read_line(self) -> str:
        assert self._process is not None, "nothing runs"
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            line = (await self._process.stdout.readline()).decode()
        assert line.endswith("\n"), f"it ended with {line!r} and {self._log}"
        line = line.replace(self._target, SHOWN_ADDRESS).replace(str(self._directory), SHOWN_HOME)
        return _lasting(line.rstrip("\n"))

    async def _read_json(self) -> object:
        text = ""
        while True:
            text += await self._read_line()
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                continue


class Terminals:
    """The terminals of a page, each opened when it is first named."""

    def __init__(self, directory: Path) -> None:
        """Opens them in a directory, which is furnished, for a server on a port of its own."""
        furnish(directory)
        self._directory = directory
        self._target = f"127.0.0.1:{lasting_port()}"
        self._opened: dict[str, Terminal] = {}

    def __getitem__(self, name: str) -> Terminal:
        if name not in self._opened:
            self._opened[name] = Terminal(self._directory, self._target)
        return self._opened[name]

    async def follow(self, block: Block) -> None:
        """Enters what a block says, or reads on and sees what it shows."""
        assert block.terminal, f"entered or shown nowhere: {block.text}"
        terminal = self[block.terminal]
        if block.language in {"sh", "python"}:
            await terminal.enter(block)
        elif block.text == CTRL_C:
            await terminal.press_ctrl_c()
        else:
            assert await terminal.read(block) == shown(block)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for terminal in self._opened.values():
            await terminal.close()
        if exc is None:
            assert "Traceback" not in (self._directory / "stderr").read_text()


def shown(block: Block) -> object:
    """What a block shows: lines or JSON, without what is new in every run."""
    if block.language == "json":
        return json.loads(_lasting(block.text))
    return _lasting(block.text).splitlines()


def furnish(directory: Path) -> None:
    """Gives a directory what commands use of the root of the repository, and room for a store."""
    for name in ("Makefile", "docs"):
        (directory / name).symlink_to(ROOT / name)
    (directory / ".venv").symlink_to(sys.prefix)


def _lasting(text: str) -> str:
    for new, name in _NEW_IN_EVERY_RUN:
        text = new.sub(name, text)
    return text
