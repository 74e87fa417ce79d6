"""`tocsin channels update` and `delete`."""

import json

from google.protobuf.json_format import Parse
from tocsin.v1.channel_pb2 import Channel
from tocsin_client import AsyncClient

from tests.e2e.command_line import Ended, one_line, tocsin
from tests.e2e.program import Program

LABELS = ("--label", "team=press", "--label", "area=emea", "--label", "kept=")


async def _create(program: Program) -> None:
    created = await tocsin(
        *(program, "channels", "create", "news", "--title", "News", "--description", "All of it"),
        *LABELS,
    )
    assert created.code == 0, created


async def _stored(program: Program) -> Channel:
    async with AsyncClient(program.target) as client:
        return await client.get_channel("news")


async def test_an_update_changes_only_the_given_fields(program: Program) -> None:
    await _create(program)

    updated = await tocsin(program, "channels", "update", "news", "--title", "The news")

    assert updated == Ended(0, "updated news\n", "")
    channel = await _stored(program)
    assert channel.title == "The news"
    assert channel.description == "All of it"
    assert channel.labels == {"team": "press", "area": "emea", "kept": ""}


async def test_a_description_is_cleared_by_an_empty_one(program: Program) -> None:
    await _create(program)

    updated = await tocsin(program, "channels", "update", "news", "--description", "", "--json")

    assert (updated.code, updated.errors) == (0, "")
    channel = await _stored(program)
    assert Parse(updated.output, Channel()) == channel
    assert (channel.title, channel.description) == ("News", "")


async def test_labels_are_changed_one_by_one(program: Program) -> None:
    await _create(program)

    await tocsin(
        *(program, "channels", "update", "news", "--label", "team=desk", "--label", "x=y"),
        *("--remove-label", "area", "--remove-label", "none"),
    )

    assert (await _stored(program)).labels == {"team": "desk", "x": "y", "kept": ""}


async def test_labels_are_cleared_except_the_given_ones(program: Program) -> None:
    await _create(program)

    await tocsin(program, "channels", "update", "news", "--clear-labels", "--label", "x=y")
    some = (await _stored(program)).labels
    await tocsin(program, "channels", "update", "news", "--clear-labels")

    assert some == {"x": "y"}
    assert (await _stored(program)).labels == {}


async def test_an_etag_guards_an_update(program: Program) -> None:
    await _create(program)
    read = (await _stored(program)).etag
    update = ("channels", "update", "news", "--etag", read)

    first = await tocsin(program, *update, "--title", "First")
    second = await tocsin(program, *update, "--title", "Second")
    third = await tocsin(program, *update, "--label", "a=b")

    assert first.code == 0
    assert "[ETAG_MISMATCH]" in one_line(second, 1)
    assert "[ETAG_MISMATCH]" in one_line(third, 1)
    assert (await _stored(program)).title == "First"


async def test_a_channel_without_messages_is_deleted(program: Program) -> None:
    await _create(program)

    deleted = await tocsin(program, "channels", "delete", "news")
    again = await tocsin(program, "channels", "delete", "news")

    assert deleted == Ended(0, "deleted news\n", "")
    assert "[CHANNEL_NOT_FOUND]" in one_line(again, 1)


async def test_a_channel_with_messages_is_deleted_only_by_force(program: Program) -> None:
    await tocsin(program, "send", "marketing-clue", "A new lead", "--to", "alice")
    delete = ("channels", "delete", "marketing-clue")

    refused = await tocsin(program, *delete)
    forced = await tocsin(program, *delete, "--force", "--json")
    listed = await tocsin(program, "channels", "list")

    assert one_line(refused, 1) == (
        "tocsin: channel marketing-clue has messages; --force deletes them with it"
    )
    assert (forced.code, json.loads(forced.output)) == (0, {})
    assert listed == Ended(0, "", "")


async def test_a_channel_deleted_by_force_can_be_created_again_at_once(program: Program) -> None:
    await tocsin(program, "send", "marketing-clue", "A new lead", "--to", "alice")

    deleted = await tocsin(program, "channels", "delete", "marketing-clue", "--force")
    created = await tocsin(program, "channels", "create", "marketing-clue", "--title", "Clues")
    listed = await tocsin(program, "messages", "list", "marketing-clue")

    assert deleted == Ended(0, "deleted marketing-clue\n", "")
    assert created == Ended(0, "created marketing-clue\n", "")
    assert listed == Ended(0, "", "")


async def test_a_repeated_deletion_with_its_request_id_happens_once(program: Program) -> None:
    await _create(program)
    delete = ("channels", "delete", "news", "--request-id", "away-with-it")

    first, second = [await tocsin(program, *delete) for _ in range(2)]

    assert first == second == Ended(0, "deleted news\n", "")
