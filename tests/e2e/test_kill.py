"""kill -9 at any moment: nothing acknowledged is lost, nothing doubled, every stream goes on."""

import pytest

from tests.e2e.conftest import StartProgram
from tests.e2e.ports import lasting_port
from tests.e2e.program import DEAF, SERVE
from tests.e2e.traffic import flowing
from tests.histories.validating import validate

pytestmark = pytest.mark.disk

STEP_SECONDS = 120.0


@pytest.mark.parametrize(
    ("command", "url", "cycles"),
    [
        pytest.param(SERVE, "", 20, id="hub"),
        pytest.param(DEAF, "", 5, id="hub-that-drops-every-hint"),
        pytest.param(SERVE, "postgres_url", 20, id="postgresql"),
    ],
)
async def test_kills_lose_double_and_reorder_nothing(
    start_program: StartProgram,
    request: pytest.FixtureRequest,
    command: tuple[str, ...],
    url: str,
    cycles: int,
) -> None:
    program = await start_program(
        command,
        target=f"127.0.0.1:{lasting_port()}",
        database_url=request.getfixturevalue(url) if url else None,
    )

    async with flowing(program.target, seed=cycles) as traffic:
        for cycle in range(cycles):
            await traffic.go_on(20 + 7 * cycle % 31, STEP_SECONDS)
            await program.kill()
            await program.start()
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    violations = validate(traffic.history)
    assert not violations, "\n".join(map(str, violations[:20]))
    for mirror in traffic.mirrors:
        assert mirror.final() == traffic.history.finals[mirror.user_id]
    assert "Traceback" not in program.log
    assert '"level": "ERROR"' not in program.log
