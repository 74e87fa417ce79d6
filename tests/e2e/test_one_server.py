"""One server serves a SQLite file; a second one is refused under every name of the file."""

import asyncio
from pathlib import Path

from tests.e2e.commands import complaint_of
from tests.e2e.conftest import StartProgram
from tests.e2e.program import SERVE, NotServingError, Program


async def test_a_second_server_on_the_file_is_refused_under_all_its_names(
    start_program: StartProgram, tmp_path: Path
) -> None:
    program = await start_program()
    (tmp_path / "symbolic.db").symlink_to("tocsin.db")
    (tmp_path / "hard.db").hardlink_to(tmp_path / "tocsin.db")

    for name in ("tocsin.db", "symbolic.db", "hard.db"):
        url = f"sqlite+aiosqlite:///{name}"
        # The address is taken, too: the file is checked first.
        complaint = complaint_of(
            [*SERVE, "--listen", program.target, "--database-url", url], tmp_path
        )

        assert complaint.startswith(
            f"tocsin-server: cannot use the database {name}: another server"
        )


async def test_of_two_servers_that_start_at_once_one_serves_and_after_its_kill_the_next(
    start_program: StartProgram, tmp_path: Path
) -> None:
    async def start() -> Program | NotServingError:
        try:
            return await start_program()
        except NotServingError as refusal:
            return refusal

    first, second = await asyncio.gather(start(), start())

    programs = [each for each in (first, second) if isinstance(each, Program)]
    refusals = [str(each) for each in (first, second) if isinstance(each, NotServingError)]
    assert (len(programs), len(refusals)) == (1, 1)
    assert "another server serves this file" in refusals[0]

    await programs[0].kill()
    await programs[0].start()
