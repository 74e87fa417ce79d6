"""Programs of a few lines, which use the client in a process of their own."""

import asyncio
import sys
from subprocess import PIPE

from tests.support.forking import FORKING


async def run(program: str, target: str) -> list[str]:
    """The lines that a program prints, which must end by itself, and well."""
    with FORKING.on(snippets=True):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, target, stdout=PIPE
        )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, process.returncode
    return output.decode().splitlines()
