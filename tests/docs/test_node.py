"""The example in Node: its types are checked, and it misses nothing while its server dies."""

import asyncio
import re
import shutil
import signal
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tocsin_client import AsyncClient

from tests.docs.pages import ROOT, Block, blocks, read
from tests.docs.terminals import SECONDS, Terminal, shown
from tests.e2e.ports import lasting_port
from tests.e2e.program import Program, environment

pytestmark = pytest.mark.node

MADE = ("build", "generated", "node_modules")
INSTALL_SECONDS = 300.0


def _entered(*, installing: bool) -> list[Block]:
    """The page's blocks that install the example, or those that use it."""
    return [b for b in blocks(read("docs/node.md")) if ("npm ci" in b.text) is installing]


def _run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-ec", command],
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that the example needs, installed as its page says."""
    root = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns(*MADE)
    shutil.copytree(ROOT / "docs/node", root / "docs/node", ignore=ignored)
    (root / "protos").symlink_to(ROOT / "protos")
    (block,) = _entered(installing=True)
    ended = _run(block.text, root)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return root


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    program = Program(tmp_path, target=f"127.0.0.1:{lasting_port()}")
    try:
        await program.start()
        yield program
    finally:
        await program.close()


class Example:
    """The example, which sends what is typed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: list[str] = []

    def type(self, title: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{title}\n".encode())

    async def see(self, *expected: str) -> None:
        """Reads on until every one of these lines has come, again if it came before."""
        assert self._process.stdout is not None
        start = len(self.lines)
        async with asyncio.timeout(SECONDS):
            while not set(expected) <= set(self.lines[start:]):
                line = (await self._process.stdout.readline()).decode()
                assert line, f"it ended after {self.lines}"
                self.lines.append(line.rstrip("\n"))

    async def finish(self) -> int | None:
        """Ends what is typed; gives the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(SECONDS):
            output, _ = await self._process.communicate()
        self.lines += output.decode().splitlines()
        return self._process.returncode

    def texts(self, how: str) -> list[str]:
        """What stands in the lines that begin so."""
        return [match[1] for line in self.lines if (match := re.fullmatch(f"{how}: (.*)", line))]


@pytest.fixture
async def example(program: Program, checkout: Path) -> AsyncIterator[Example]:
    process = await asyncio.create_subprocess_exec(
        *("node", "build/main.js", program.target, "alice"),
        cwd=checkout / "docs/node",
        env=environment(),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        yield Example(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_is_entered_gives_what_is_shown(checkout: Path, program: Program) -> None:
    terminal = Terminal(checkout, program.target)
    try:
        command, output = _entered(installing=False)
        await terminal.enter(command)
        assert await terminal.read(output) == shown(output)
        await terminal.finish()
    finally:
        await terminal.close()


async def test_it_misses_nothing_while_its_server_is_killed_and_stopped(
    program: Program, example: Example
) -> None:
    await example.see("alice has 0 unread")
    async with AsyncClient(program.target) as client:
        for life, ending in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)):
            example.type(f"{life} before")
            await example.see(f"LIVE: {life} before")
            await program.end(ending)
            # In either order, each waits for the server.
            example.type(f"{life} during")
            sending = client.send("marketing-clue", f"{life} elsewhere", to="alice")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(sending)
                tasks.create_task(program.start())
            example.type(f"{life} after")
            await example.see(f"LIVE: {life} after")
        inbox = await client.get_inbox("alice")

        assert await example.finish() == 0
        read = await client.get_inbox("alice")

    listed = example.texts("listed")[::-1]
    assert sorted(listed) == sorted(
        f"{life} {when}" for life in range(3) for when in ("before", "during", "elsewhere", "after")
    )
    assert example.texts("(?:REPLAY|LIVE)") == listed, "each once, in the inbox's order"
    assert len(example.texts("interrupted")) >= 3
    assert (inbox.unread_count, read.unread_count) == (12, 0)
    assert "marked 12 read; unread on the bell: 0" in example.lines
    assert not example.texts("SNAPSHOT")


async def test_it_starts_over_where_the_store_is_another(
    program: Program, example: Example
) -> None:
    example.type("Gone with the store")
    await example.see("alice has 1 unread")
    await program.kill()
    for file in program.directory.glob("tocsin.db*"):
        file.unlink()
    await program.start()
    async with AsyncClient(program.target) as client:
        await client.create_channel("marketing-clue", title="Marketing clues")
        await example.see("alice has 0 unread")

        example.type("In the other store")
        await example.see("LIVE: In the other store")

    assert await example.finish() == 0
    assert "marked 1 read; unread on the bell: 0" in example.lines
    assert example.texts("listed") == ["In the other store"]


async def test_an_error_says_why(checkout: Path, program: Program) -> None:
    ended = _run(
        f"echo 'A new lead' | node build/main.js {program.target} 'no user'", checkout / "docs/node"
    )

    assert ended.returncode == 1
    reason, *violations = ended.stderr.splitlines()
    assert reason.startswith("FIELD_INVALID: ")
    assert [violation.split()[0] for violation in violations] == ["user_id"]


def test_the_types_know_the_protos(checkout: Path) -> None:
    wrong = checkout / "docs/node/wrong.ts"
    wrong.write_text(
        'import { ask, connect } from "./calling.js";\n'
        'import { Inboxes } from "./protos.js";\n'
        'const client = connect("127.0.0.1:50051");\n'
        'await ask(client, Inboxes.GetInbox, { userId: "alice", pageTokn: "" });\n'
        'const { inbox } = await ask(client, Inboxes.GetInbox, { userId: "alice" });\n'
        "export const revision: number | undefined = inbox?.revision;\n"
    )
    try:
        ended = _run("npm run check", checkout / "docs/node")
    finally:
        wrong.unlink()

    assert ended.returncode != 0
    found = re.findall(r"^(\S+)\((\d+),\d+\): error", ended.stdout, re.MULTILINE)
    assert found == [("wrong.ts", "4"), ("wrong.ts", "6")]


def test_the_lock_names_no_registry(checkout: Path) -> None:
    lock = (ROOT / "docs/node/package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in lock
    assert lock.count('"integrity"') == lock.count('"node_modules/')
