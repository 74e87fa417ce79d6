import json

import pytest
from tocsin_client._async_connections import AsyncConnector, AsyncStreamChannels
from tocsin_client._channel_options import unary_options
from tocsin_client._connections import Connector, StreamChannels
from tocsin_client._target import parse_target

TARGET = parse_target("unix:none", None)


def test_every_call_but_streams_is_repeated_while_no_server_answers() -> None:
    config = json.loads(str(dict(unary_options())["grpc.service_config"]))

    (method_config,) = config["methodConfig"]
    names = {f"{name['service']}/{name['method']}" for name in method_config["name"]}
    assert "tocsin.v1.MessageService/SendMessage" in names
    assert "tocsin.v1.InboxService/GetInbox" in names
    assert "tocsin.v1.InboxService/Subscribe" not in names
    assert method_config["waitForReady"] is True
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]


def test_no_channel_opens_that_nobody_would_close() -> None:
    channels = StreamChannels(Connector(TARGET.channel))
    channels.release(channels.take())

    channels.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        channels.take()


async def test_no_channel_of_asyncio_opens_that_nobody_would_close() -> None:
    channels = AsyncStreamChannels(AsyncConnector(TARGET))
    await channels.release(channels.take(channels), channels)

    await channels.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        channels.take(channels)
