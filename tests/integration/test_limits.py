"""The limits of streams, of a user and of a server."""

from dataclasses import replace

from grpc import StatusCode
from tocsin.v1.inbox_service_pb2 import SubscribeRequest
from tocsin_server.settings import Settings

from tests.integration.conftest import Serve
from tests.support.failures import Failure, failing
from tests.support.serving import Served
from tests.support.waiting import until


async def refused(server: Served, user_id: str) -> Failure:
    """Says how a stream is refused."""
    return await failing(server.inboxes.Subscribe(SubscribeRequest(user_id=user_id)).read())


async def test_a_user_has_sixteen_streams_and_a_place_left_is_free_again(server: Served) -> None:
    streams = [server.subscribe("alice") for _ in range(16)]
    for stream in streams:
        await stream.until_caught_up()

    failure = await refused(server, "alice")

    assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    assert failure.metadata == {"scope": "user", "limit": "16"}
    assert failure.retry_seconds is not None
    assert failure.retry_seconds > 0
    async with server.subscribe("bob") as other:
        await other.until_caught_up()
    await until(lambda: server.hub.streams == 16)
    streams.pop().cancel()
    await until(lambda: server.hub.streams == 15)
    async with server.subscribe("alice") as stream:
        await stream.until_caught_up()
    for stream in streams:
        stream.cancel()


async def test_a_server_has_as_many_streams_as_its_operator_allows(
    serve: Serve, settings: Settings
) -> None:
    async with (
        serve(replace(settings, max_streams=2)) as server,
        server.subscribe("alice") as first,
        server.subscribe("bob") as second,
    ):
        await first.until_caught_up()
        await second.until_caught_up()

        failure = await refused(server, "carol")

    assert (failure.code, failure.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
    assert failure.metadata == {"scope": "server", "limit": "2"}
    assert failure.retry_seconds is not None


async def test_calls_go_on_beside_all_the_streams_of_a_connection(server: Served) -> None:
    streams = [server.subscribe(f"user-{number}") for number in range(200)]
    for stream in streams:
        await stream.until_caught_up()

    assert (await server.client.get_inbox("user-0")).revision == 0
    for stream in streams:
        stream.cancel()
