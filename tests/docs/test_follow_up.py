"""The example of a follow-up: four devices, one of which reads, over the death of the server."""

import asyncio
import csv
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.docs.terminals import SECONDS
from tests.e2e.program import Program, environment

EXAMPLES = ROOT / "docs" / "examples"
LEADS = (EXAMPLES / "leads.csv").read_text(encoding="utf-8").splitlines(keepends=True)
COUNT = len(LEADS) - 1
HALF = COUNT // 2
DEVICES = ("Alice's phone", "Alice's laptop", "Bob", "Carol")


class Devices:
    """The example, and what it printed by device."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: dict[str, list[str]] = {device: [] for device in DEVICES}

    async def enter(self, lines: list[str]) -> None:
        """Gives it lines of the file."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(lines).encode())
        await self._process.stdin.drain()

    async def see(self, last: str) -> None:
        """Reads on until every device has shown a line that begins so."""
        async with asyncio.timeout(SECONDS):
            while not all(of and of[-1].startswith(last) for of in self.lines.values()):
                await self._read()

    async def finish(self) -> str:
        """Ends the file, and returns what the example says at last."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(SECONDS):
            while not (line := await self._read()).startswith("Alice has"):
                pass
            assert await self._process.wait() == 0
        return line

    async def _read(self) -> str:
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().rstrip("\n")
        assert line, "it ended"
        device, _, rest = line.partition(": ")
        if device in self.lines:
            self.lines[device].append(rest)
        return line


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    program = Program(tmp_path)
    await program.start()
    yield program
    await program.close()


@pytest.fixture
async def devices(program: Program) -> AsyncIterator[Devices]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, EXAMPLES / "follow_up.py", program.target),
        env=environment(),
        stdin=PIPE,
        stdout=PIPE,
    )
    yield Devices(process)
    if process.returncode is None:
        process.kill()
        await process.communicate()


async def test_a_device_follows_another_colleagues_do_not_and_a_kill_is_not_noticed(
    program: Program, devices: Devices
) -> None:
    await devices.enter(LEADS[: 1 + HALF])
    await devices.see(f"{HALF} unread of {HALF}")
    await program.kill()
    await devices.enter(LEADS[1 + HALF :])
    await program.start()
    await devices.see(f"{COUNT} unread of {COUNT}")
    said = await devices.finish()

    assert said == f"Alice has read {COUNT}, her laptop says; unread: {COUNT} {COUNT}"
    names = [lead["name"] for lead in csv.DictReader(LEADS)]
    for shown in devices.lines.values():
        titles = [title for line in shown for title in line.split(" | A new lead: ")[1:]]
        assert [title.partition(",")[0] for title in titles] == names
