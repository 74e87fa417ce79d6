"""A clock that jumps: nothing is ordered, resumed or lost by it."""

import pytest
from tocsin.v1.inbox_pb2 import NotificationSelector
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsRequest
from tocsin_server.settings import Settings

from tests.support.clocks import SetClock
from tests.support.serving import served

DAY = 86_400.0


@pytest.mark.parametrize("jumps", [(-DAY, -DAY), (30 * DAY, -60 * DAY), (-1.0, 365 * DAY)])
async def test_a_clock_that_jumps_changes_neither_order_nor_state(
    settings: Settings, jumps: tuple[float, float]
) -> None:
    clock = SetClock()
    async with served(settings, clock=clock) as server:
        await server.client.create_channel("news", title="News")
        async with server.subscribe("alice") as live, server.subscribe("alice") as away:
            await live.until_caught_up()
            await away.until_caught_up()
            away.cancel()
            for number, jump in enumerate((0.0, *jumps)):
                clock.advance(jump)
                await server.client.send("news", str(number), to="alice", request_id=f"r-{number}")
                await server.inboxes.UpdateNotifications(
                    UpdateNotificationsRequest(
                        user_id="alice", selector=NotificationSelector(all=True), read=True
                    )
                )
            await live.until_revision(6)

        async with server.subscribe("alice", away.proof) as back:
            await back.until_caught_up()

        listed = [n async for n in server.client.list_notifications("alice")]
        repeated = await server.client.send("news", "2", to="alice", request_id="r-2")

    assert [n.message.title for n in listed] == ["2", "1", "0"]
    assert all(n.HasField("read_time") for n in listed)
    assert live.proof.listed == back.proof.listed == listed
    assert back.phases == ["REPLAY"]
    assert repeated.message.message_id == listed[0].message.message_id
