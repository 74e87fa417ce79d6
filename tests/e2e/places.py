"""A user's streams: all that the server admits, and when it has room for one more."""

import asyncio

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeRequest, SubscribeResponse
from tocsin.v1.inbox_service_pb2_grpc import InboxServiceStub

STREAMS_A_USER = 16

Stream = grpc.aio.UnaryStreamCall[SubscribeRequest, SubscribeResponse]


async def occupy(channel: grpc.aio.Channel, user_id: str) -> list[Stream]:
    """Opens as many streams of a user as the limit allows; they have caught up."""
    subscribe = InboxServiceStub(channel).Subscribe
    streams: list[Stream] = [
        subscribe(SubscribeRequest(user_id=user_id)) for _ in range(STREAMS_A_USER)
    ]
    for stream in streams:
        assert (await following(stream)).caught_up
    assert not await is_admitted(channel, user_id)
    return streams


async def until_free(channel: grpc.aio.Channel, user_id: str, seconds: float) -> None:
    """Returns once the server admits one more stream of a user, which it leaves again.

    Raises:
        TimeoutError: it does not, after so many seconds.
    """
    async with asyncio.timeout(seconds):
        while not await is_admitted(channel, user_id):  # noqa: ASYNC110  # nobody signals it
            await asyncio.sleep(0.05)


async def is_admitted(channel: grpc.aio.Channel, user_id: str) -> bool:
    """Whether the server admits a stream of a user, which is left again."""
    stream: Stream = InboxServiceStub(channel).Subscribe(SubscribeRequest(user_id=user_id))
    try:
        await following(stream)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False
    else:
        return True
    finally:
        stream.cancel()


async def following(stream: Stream) -> SubscribeResponse:
    """A stream's next response."""
    response = await stream.read()
    assert isinstance(response, SubscribeResponse)
    return response
