"""What `ChannelStore` promises."""

import asyncio
from dataclasses import replace

import pytest
from tocsin_server.domain.model.channels import ChannelUpdate
from tocsin_server.domain.model.errors import (
    ChannelAlreadyExists,
    ChannelNotFound,
    EtagMismatch,
    RequestIdReused,
)
from tocsin_server.domain.model.limits import RESPONSE_BYTES

from tests.contract.conftest import RETENTION, Shelf
from tests.contract.reading import all_channels
from tests.contract.stores import Store
from tests.support.building import channel, request
from tests.support.clocks import START, SetClock


async def test_a_channel_is_read_as_it_was_stored(store: Store) -> None:
    created = channel(
        "leads", title="Ünï 😀", description="x" * 2_000, labels={"team": 'a"b', "": "", "ü": "\n"}
    )

    returned = await store.channels.create_channel(request(), created)

    assert returned == created
    assert await store.channels.get_channel("default", "leads") == created


async def test_a_channel_of_another_tenant_is_none(store: Store) -> None:
    assert await store.channels.get_channel("other", "news") is None
    assert await store.channels.get_channel("default", "nowhere") is None
    assert list((await store.channels.list_channels("other", "", 10)).items) == []


async def test_two_tenants_may_have_a_channel_of_one_id(store: Store) -> None:
    theirs = channel("news", tenant="other", title="Theirs")

    await store.channels.create_channel(request(tenant="other"), theirs)

    ours = await store.channels.get_channel("default", "news")
    assert ours is not None
    assert ours.title == "News"
    assert await store.channels.get_channel("other", "news") == theirs


async def test_an_id_that_is_taken_is_refused_and_the_channel_stays(store: Store) -> None:
    with pytest.raises(ChannelAlreadyExists) as caught:
        await store.channels.create_channel(request(), channel("news", title="Other"))

    assert caught.value.metadata == {"channel_id": "news"}
    kept = await store.channels.get_channel("default", "news")
    assert kept is not None
    assert kept.title == "News"


async def test_of_many_concurrent_creations_of_one_channel_one_succeeds(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(
            store.channels.create_channel(request(), channel("leads", title=f"{n}"))
            for n in range(20)
        ),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, ChannelAlreadyExists)]
    (created,) = [outcome for outcome in outcomes if outcome not in refused]
    assert len(refused) == 19
    assert await store.channels.get_channel("default", "leads") == created


async def test_a_request_answered_before_gets_the_answer_of_then(store: Store) -> None:
    request_key = request("r-1", b"body", rpc="CreateChannel")
    first = await store.channels.create_channel(request_key, channel("leads", labels={"a": "b"}))

    again = await store.channels.create_channel(
        request_key, channel("leads", title="A later attempt")
    )

    assert again == first


async def test_a_request_is_answered_again_by_a_store_opened_again(
    store: Store, shelf: Shelf
) -> None:
    request_key = request("r-1", b"body", rpc="CreateChannel")
    first = await store.channels.create_channel(request_key, channel("leads"))

    reopened = await shelf.reopen()
    again = await reopened.channels.create_channel(request_key, channel("leads"))
    stored = await reopened.channels.get_channel("default", "leads")

    assert again == stored == first


async def test_a_request_id_with_another_body_is_refused(store: Store) -> None:
    await store.channels.create_channel(request("r-1", b"body"), channel("leads"))

    with pytest.raises(RequestIdReused) as caught:
        await store.channels.create_channel(request("r-1", b"other"), channel("more-leads"))

    assert caught.value.metadata == {"request_id": "r-1"}
    assert await store.channels.get_channel("default", "more-leads") is None


async def test_an_error_is_not_kept(store: Store) -> None:
    with pytest.raises(ChannelAlreadyExists):
        await store.channels.create_channel(request("r-1", b"body"), channel("news"))

    created = await store.channels.create_channel(request("r-1", b"other body"), channel("leads"))

    assert created.channel_id == "leads"


async def test_a_request_id_is_free_again_after_its_retention(
    store: Store, clock: SetClock
) -> None:
    await store.channels.create_channel(request("r-1", b"body"), channel("leads"))
    clock.advance(RETENTION + 1)

    created = await store.channels.create_channel(request("r-1", b"other"), channel("more-leads"))

    assert created.channel_id == "more-leads"


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 1_000])
async def test_channels_are_listed_by_id_none_lost_none_twice(store: Store, limit: int) -> None:
    ids = ["a", "a-", "a-b", "a_b", "ab", "b0"]
    for channel_id in reversed(ids):
        await store.channels.create_channel(request(), channel(channel_id))

    listed = await all_channels(store, "default", limit)

    assert [each.channel_id for each in listed] == sorted([*ids, "news", "offers"])


async def test_a_page_of_large_channels_fits_a_response(store: Store) -> None:
    labels = {f"key-{n}": "😀" * 256 for n in range(32)}
    for number in range(40):
        await store.channels.create_channel(request(), channel(f"large-{number:02}", labels=labels))

    page = await store.channels.list_channels("default", "", 1_000)

    assert page.next
    texts = [text for each in page.items for label in each.labels.items() for text in label]
    assert 0 < sum(len(text.encode()) for text in texts) <= RESPONSE_BYTES
    assert len(await all_channels(store, "default", 1_000)) == 42


def news(
    etag: str = "",
    *,
    tenant: str = "default",
    title: str | None = None,
    description: str | None = None,
    labels: dict[str, str] | None = None,
) -> ChannelUpdate:
    """An update of the channel `news`."""
    return ChannelUpdate(tenant, "news", etag, title, description, labels)


async def test_an_update_changes_what_it_names_and_nothing_else(store: Store) -> None:
    created = await store.channels.create_channel(
        request(tenant="other"), channel(tenant="other", labels={"a": "1"}, description="Old")
    )

    changed = await store.channels.update_channel(
        request(tenant="other"), news(tenant="other", title="New", labels={"b": "2"}), "e-2", 7
    )

    assert changed == replace(created, title="New", labels={"b": "2"}, etag="e-2", update_time=7)
    assert await store.channels.get_channel("other", "news") == changed
    ours = await store.channels.get_channel("default", "news")
    assert ours is not None
    assert ours.title == "News"


async def test_an_update_that_changes_nothing_keeps_the_etag(store: Store) -> None:
    before = await store.channels.get_channel("default", "news")

    after = await store.channels.update_channel(request(), news(title="News"), "e-2", 7)

    assert after == before


async def test_an_update_of_another_etag_is_refused(store: Store) -> None:
    first = await store.channels.update_channel(request(), news("etag", title="First"), "e-2", 7)

    with pytest.raises(EtagMismatch) as caught:
        await store.channels.update_channel(request(), news("etag", title="Second"), "e-3", 8)

    assert caught.value.metadata == {"etag": "e-2"}
    assert await store.channels.get_channel("default", "news") == first


async def test_of_many_updates_of_one_etag_one_succeeds(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(
            store.channels.update_channel(request(), news("etag", title=f"{n}"), f"e{n}", n)
            for n in range(9)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, EtagMismatch) for outcome in outcomes) == 8


async def test_a_channel_that_is_not_there_cannot_be_updated(store: Store) -> None:
    with pytest.raises(ChannelNotFound):
        await store.channels.update_channel(request(), news(tenant="other", title="New"), "e-2", 7)


async def test_a_repeated_update_gets_its_first_answer(store: Store) -> None:
    request_key = request("r-1", b"first", rpc="UpdateChannel")
    other = request("r-1", b"other", rpc="UpdateChannel")
    first = await store.channels.update_channel(
        request_key, news("etag", title="First"), "e-2", START
    )
    await store.channels.update_channel(request(), news(title="Second"), "e-3", START)

    again = await store.channels.update_channel(
        request_key, news("etag", title="First"), "e-4", START
    )

    assert again == first
    with pytest.raises(RequestIdReused):
        await store.channels.update_channel(other, news(title="Third"), "e-5", START)


async def test_repeats_at_once_of_each_change_of_a_channel_all_get_its_answer(
    store: Store,
) -> None:
    for number in range(10):
        channel_id, name = f"leads-{number}", f"r-{number}"
        new_channel = channel(channel_id)
        created = await asyncio.gather(
            *(
                store.channels.create_channel(request(name, rpc="CreateChannel"), new_channel)
                for _ in range(3)
            )
        )
        update = ChannelUpdate("default", channel_id, "etag", "Leads, later", None, None)
        changed = await asyncio.gather(
            *(
                store.channels.update_channel(
                    request(name, rpc="UpdateChannel"), update, "etag-2", START
                )
                for _ in range(3)
            )
        )
        await asyncio.gather(
            *(
                store.channels.delete_channel(
                    request(name, rpc="DeleteChannel"), channel_id, START, force=False
                )
                for _ in range(3)
            )
        )

        assert created == [new_channel] * 3
        assert [each.title for each in changed] == ["Leads, later"] * 3
        assert await store.channels.get_channel("default", channel_id) is None
