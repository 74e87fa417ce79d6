import pytest
from tocsin_client._async_connections import AsyncConnector, AsyncStreamChannels
from tocsin_client._connections import Connector, StreamChannels
from tocsin_client._target import parse_target

TARGET = parse_target("unix:none", None)


def test_no_channel_opens_after_closing() -> None:
    channels = StreamChannels(Connector(TARGET.channel))
    channels.release(channels.take())

    channels.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        channels.take()


async def test_no_channel_of_asyncio_opens_after_closing() -> None:
    channels = AsyncStreamChannels(AsyncConnector(TARGET))
    await channels.release(channels.take(channels), channels)

    await channels.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        channels.take(channels)
