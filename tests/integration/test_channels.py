import asyncio

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import StatusCode
from tocsin.v1.channel_pb2 import Channel, ChannelType
from tocsin.v1.channel_service_pb2 import (
    CreateChannelRequest,
    DeleteChannelRequest,
    GetChannelRequest,
    ListChannelsRequest,
    UpdateChannelRequest,
)

from tests.support.asking import create_request, send_request
from tests.support.failures import failing
from tests.support.serving import Served

# Nothing here depends on what a hub tells.
pytestmark = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)


async def test_a_channel_is_created_and_read_back(server: Served) -> None:
    submitted = Channel(
        channel_id="leads",
        title="Leads ü😀",
        description="New leads",
        labels={"team": "sales"},
        etag="mine",
    )

    created = (await server.channels.CreateChannel(CreateChannelRequest(channel=submitted))).channel

    assert (created.channel_id, created.title) == ("leads", "Leads ü😀")
    assert created.type == ChannelType.CHANNEL_TYPE_IN_APP
    assert (created.description, dict(created.labels)) == ("New leads", {"team": "sales"})
    assert created.etag not in {"", "mine"}
    assert created.create_time.seconds > 0
    assert created.update_time == created.create_time
    read = await server.channels.GetChannel(GetChannelRequest(channel_id="leads"))
    assert read.channel == created


async def test_an_unknown_channel_is_not_found_by_name(server: Served) -> None:
    failure = await failing(server.channels.GetChannel(GetChannelRequest(channel_id="nowhere")))

    assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "CHANNEL_NOT_FOUND")
    assert failure.metadata == {"channel_id": "nowhere"}
    assert "nowhere" in failure.message


async def test_a_channel_that_exists_is_not_created_again(server: Served) -> None:
    failure = await failing(server.channels.CreateChannel(create_request("news")))

    assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "CHANNEL_ALREADY_EXISTS")
    assert failure.metadata == {"channel_id": "news"}
    assert failure.retry_seconds is None


async def test_every_violated_field_of_a_channel_is_in_one_answer(server: Served) -> None:
    request = CreateChannelRequest(
        request_id="r" * 129,
        channel=Channel(
            channel_id="No Id", title="", description="x" * 2_001, labels={"k": "v" * 257}
        ),
    )

    failure = await failing(server.channels.CreateChannel(request))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert sorted(failure.fields) == [
        "channel.channel_id",
        "channel.description",
        'channel.labels["k"]',
        "channel.title",
        "request_id",
    ]
    assert failure.metadata == {"fields": ",".join(failure.fields)}


async def test_a_repeat_gets_the_first_answer_and_another_body_is_refused(server: Served) -> None:
    first = await server.channels.CreateChannel(create_request(request_id="r-1"))
    again = await server.channels.CreateChannel(create_request(request_id="r-1"))
    failure = await failing(
        server.channels.CreateChannel(create_request(title="Other", request_id="r-1"))
    )

    assert again == first
    assert (failure.code, failure.reason) == (StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert failure.metadata == {"request_id": "r-1"}


async def test_two_at_once_with_one_request_id_create_one_channel(server: Served) -> None:
    request = create_request(request_id="r-1")

    first, second = await asyncio.gather(
        server.channels.CreateChannel(request), server.channels.CreateChannel(request)
    )

    assert first == second


@pytest.mark.parametrize("page_size", [0, 1, 3, 1_000])
async def test_channels_are_listed_by_id(server: Served, page_size: int) -> None:
    for channel_id in ("b", "a", "c"):
        await server.client.create_channel(channel_id, title="Title")

    listed = [each async for each in server.client.list_channels(page_size=page_size)]

    assert [each.channel_id for each in listed] == ["a", "b", "c", "news", "offers"]
    assert listed[-1] == await server.client.get_channel("offers")


async def test_a_page_has_fifty_channels_by_default(server: Served) -> None:
    for number in range(60):
        await server.client.create_channel(f"channel-{number}", title="Title")

    page = await server.channels.ListChannels(ListChannelsRequest())

    assert len(page.channels) == 50
    assert page.next_page_token


async def test_a_negative_page_size_and_a_bad_token_are_in_one_answer(server: Served) -> None:
    request = ListChannelsRequest(page_size=-1, page_token="nonsense")

    failure = await failing(server.channels.ListChannels(request))

    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert sorted(failure.fields) == ["page_size", "page_token"]


def update_request(
    *paths: str, etag: str = "", request_id: str = "", **fields: str
) -> UpdateChannelRequest:
    return UpdateChannelRequest(
        channel=Channel(channel_id="news", etag=etag, **fields),  # type: ignore[arg-type]  # texts
        update_mask=FieldMask(paths=paths),
        request_id=request_id,
    )


async def test_a_channel_is_changed_by_its_mask(server: Served) -> None:
    before = (await server.channels.GetChannel(GetChannelRequest(channel_id="news"))).channel

    request = update_request("title", "labels", title="Latest", description="not this")
    changed = (await server.channels.UpdateChannel(request)).channel

    assert (changed.title, changed.description, dict(changed.labels)) == ("Latest", "", {})
    assert changed.etag != before.etag
    assert changed.create_time == before.create_time
    assert changed.update_time.ToMicroseconds() >= before.update_time.ToMicroseconds()
    read = await server.channels.GetChannel(GetChannelRequest(channel_id="news"))
    assert read.channel == changed


async def test_without_a_mask_the_fields_that_are_set_change(server: Served) -> None:
    changed = (await server.channels.UpdateChannel(update_request(description="About"))).channel

    assert (changed.title, changed.description) == ("News", "About")


async def test_a_mask_of_everything_clears_the_fields_that_are_not_set(server: Served) -> None:
    await server.channels.UpdateChannel(update_request(description="About"))

    changed = (await server.channels.UpdateChannel(update_request("*", title="Latest"))).channel

    assert (changed.title, changed.description) == ("Latest", "")


async def test_a_channel_that_has_changed_meanwhile_is_not_changed(server: Served) -> None:
    seen = (await server.channels.GetChannel(GetChannelRequest(channel_id="news"))).channel
    now = (await server.channels.UpdateChannel(update_request(title="First"))).channel

    failure = await failing(
        server.channels.UpdateChannel(update_request(title="Second", etag=seen.etag))
    )

    assert (failure.code, failure.reason) == (StatusCode.ABORTED, "ETAG_MISMATCH")
    assert failure.metadata == {"etag": now.etag}
    read = await server.channels.GetChannel(GetChannelRequest(channel_id="news"))
    assert read.channel == now


async def test_every_mistake_of_an_update_is_in_one_answer(server: Served) -> None:
    request = update_request("title", "channel_id", "nonsense", title="", request_id="r" * 129)
    request.channel.channel_id = "News"

    failure = await failing(server.channels.UpdateChannel(request))

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert sorted(failure.fields) == [
        "channel.channel_id",
        "channel.title",
        "request_id",
        "update_mask",
        "update_mask",
    ]


async def test_an_unknown_channel_cannot_be_changed(server: Served) -> None:
    request = update_request(title="Latest")
    request.channel.channel_id = "nowhere"

    failure = await failing(server.channels.UpdateChannel(request))

    assert (failure.code, failure.reason) == (StatusCode.NOT_FOUND, "CHANNEL_NOT_FOUND")


async def test_a_channel_without_messages_is_deleted(server: Served) -> None:
    await server.channels.DeleteChannel(DeleteChannelRequest(channel_id="news"))

    failure = await failing(server.channels.GetChannel(GetChannelRequest(channel_id="news")))
    assert failure.reason == "CHANNEL_NOT_FOUND"


async def test_a_channel_with_messages_is_deleted_by_force_alone(server: Served) -> None:
    await server.client.send("news", "one", to="alice")

    failure = await failing(server.channels.DeleteChannel(DeleteChannelRequest(channel_id="news")))

    assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "CHANNEL_NOT_EMPTY")
    assert failure.metadata == {"channel_id": "news"}
    await server.channels.DeleteChannel(DeleteChannelRequest(channel_id="news", force=True))
    gone = await failing(server.messages.SendMessage(send_request("alice")))
    assert gone.reason == "CHANNEL_NOT_FOUND"


@pytest.mark.parametrize("count", [1, 20, 3_000])
async def test_long_paths_of_a_mask_are_named_as_far_as_an_error_has_room(
    server: Served, count: int
) -> None:
    paths = [f"{number}{'😀' * 64}" for number in range(count)]
    request = UpdateChannelRequest(
        channel=Channel(channel_id="news"), update_mask=FieldMask(paths=paths)
    )

    failure = await failing(server.channels.UpdateChannel(request))

    assert failure.code is StatusCode.INVALID_ARGUMENT
    assert {field.partition("[")[0] for field in failure.fields} == {"update_mask"}
