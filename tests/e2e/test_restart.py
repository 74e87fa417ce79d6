"""Restarts under a load by the client library: its callers notice nothing but the delay."""

import signal

from tests.e2e.conftest import StartProgram
from tests.e2e.ports import lasting_port
from tests.e2e.traffic import flowing
from tests.histories.validating import validate

STEP_SECONDS = 60.0


async def test_restarts_fail_no_send_and_leave_every_subscriber_with_everything(
    start_program: StartProgram,
) -> None:
    program = await start_program(target=f"127.0.0.1:{lasting_port()}")

    async with flowing(program.target, seed=4, by_library=True) as traffic:
        for _ in range(4):
            await traffic.go_on(60, STEP_SECONDS)
            assert await program.end(signal.SIGTERM) == 0
            await program.start()
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    violations = validate(traffic.history)
    assert not violations, "\n".join(map(str, violations[:20]))
    assert len(traffic.mirrors) == 20
    for mirror in traffic.mirrors:
        assert mirror.final() == traffic.history.finals[mirror.user_id]
    assert "Traceback" not in program.log
