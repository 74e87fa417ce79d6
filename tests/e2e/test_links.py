"""Links that are slow, cut or half-open: streams go on from where they were, on another one."""

import asyncio
from contextlib import AsyncExitStack

import grpc
from tocsin_client import AsyncClient

from tests.e2e.calling import connect
from tests.e2e.conftest import StartProgram
from tests.e2e.places import STREAMS_A_USER, following, occupy, until_free
from tests.e2e.program import HASTY
from tests.e2e.traffic import CONNECTIONS, flowing
from tests.histories.validating import validate
from tests.support.proxy import Way, proxied

STEP_SECONDS = 60.0


async def test_cut_links_lose_double_and_reorder_nothing(start_program: StartProgram) -> None:
    program = await start_program()

    async with (
        proxied(program.target) as link,
        flowing(
            program.target, seed=2, followed_by=link.target, mirrored_by=link.target
        ) as traffic,
    ):
        cuts = 0
        for chunk in (65_536, 1_000, 100, 1) * 2:
            await traffic.go_on(20, STEP_SECONDS)
            # The smaller the pieces, the more likely the cut goes through the midst of a response.
            link.chunk = chunk
            await traffic.go_on(20, STEP_SECONDS)
            link.cut(reset=cuts % 3 != 2)
            link.heal()
            cuts += 1
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    violations = validate(traffic.history)
    assert not violations, "\n".join(map(str, violations[:20]))
    for mirror in traffic.mirrors:
        assert mirror.final() == traffic.history.finals[mirror.user_id]
    assert link.accepted > cuts * CONNECTIONS
    assert "Traceback" not in program.log


async def test_a_half_open_link_is_left_by_the_client_which_misses_nothing(
    start_program: StartProgram,
) -> None:
    program = await start_program(HASTY)

    async with (
        proxied(program.target) as link,
        flowing(program.target, seed=3, mirrored_by=link.target) as traffic,
    ):
        for connections, ways in enumerate((Way.BOTH, Way.TO_SERVER), 1):
            await traffic.go_on(20, STEP_SECONDS)
            await link.until_accepted(connections)
            link.stall(ways)
            await traffic.go_on(40, STEP_SECONDS)
            await link.until_accepted(connections + 1)
        await traffic.go_on(20, STEP_SECONDS)
        await traffic.finish(STEP_SECONDS)

    violations = validate(traffic.history)
    assert not violations, "\n".join(map(str, violations[:20]))
    for mirror in traffic.mirrors:
        assert mirror.final() == traffic.history.finals[mirror.user_id]
    assert "Traceback" not in program.log


async def test_the_streams_of_a_half_open_link_end_and_leave_their_places(
    start_program: StartProgram,
) -> None:
    program = await start_program(HASTY)

    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(program.target))
        client = await stack.enter_async_context(AsyncClient(program.target))
        await client.create_channel("news", title="News")
        well = await occupy(channel, "well")
        lost = []
        for ways in (Way.TO_SERVER, Way.TO_CLIENT, Way.BOTH):
            link = await stack.enter_async_context(proxied(program.target))
            through = await stack.enter_async_context(connect(link.target))
            lost.append(await occupy(through, f"lost-{ways.value}"))
            link.stall(ways)

        for ways in (Way.TO_SERVER, Way.TO_CLIENT, Way.BOTH):
            await until_free(channel, f"lost-{ways.value}", STEP_SECONDS)

        await client.send("news", "Hello", to="well")
        async with asyncio.timeout(STEP_SECONDS):
            arrived = [(await following(stream)).revision for stream in well]
    assert arrived == [1] * STREAMS_A_USER
    assert "Traceback" not in program.log
