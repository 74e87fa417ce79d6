"""`tocsin inbox` and `tocsin messages`."""

import asyncio
import json
import os
import pty
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.json_format import Parse
from tocsin.v1.inbox_pb2 import Notification
from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse
from tocsin.v1.message_pb2 import Message, Severity
from tocsin_client import AsyncClient

from tests.e2e.command_line import TOCSIN, Ended, one_line, run, shell, tocsin
from tests.e2e.program import Program, environment

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d")


@pytest.fixture
async def filled(program: Program) -> Program:
    """A server where Alice has two unread notifications of news and, between them, a read clue."""
    async with AsyncClient(program.target) as client:
        await client.create_channel("news", title="News")
        await client.send("news", "first", to="alice")
        await client.send("marketing-clue", "clue", to="alice", url="/leads/42")
        await client.send("news", "second", to="alice", severity=Severity.SEVERITY_CRITICAL)
        await client.mark_read("alice", channel_ids="marketing-clue")
    return program


def _timeless(ended: Ended) -> list[str]:
    assert (ended.code, ended.errors) == (0, "")
    return TIME.sub("TIME", ended.output).splitlines()


def _titles(ended: Ended) -> list[str]:
    assert (ended.code, ended.errors) == (0, "")
    return [Parse(line, Notification()).message.title for line in ended.output.splitlines()]


async def test_an_inbox_is_shown_by_channel_latest_first(filled: Program) -> None:
    shown = await tocsin(filled, "inbox", "alice")

    assert _timeless(shown) == [
        "alice  3 notifications, 2 unread, 2 unseen",
        "",
        "news  News  2 notifications, 2 unread, 2 unseen",
        "unread  TIME  critical  second",
        "unread  TIME  normal    first",
        "",
        "marketing-clue  Clues  1 notification, 0 unread, 0 unseen",
        "        TIME  normal    clue  /leads/42",
    ]


async def test_times_are_local_with_their_offset_or_in_utc(filled: Program) -> None:
    message_id = (await tocsin(filled, "messages", "list", "news")).output.split()[-1]
    commands: list[tuple[str, ...]] = [
        ("inbox", "alice"),
        ("messages", "list", "news"),
        ("messages", "get", message_id),
        ("channels", "get", "news"),
    ]
    for command in commands:
        variables = {"TOCSIN_TARGET": filled.target, "TZ": "Asia/Kathmandu"}
        local = await run(*command, **variables)
        in_utc = await run(*command, "--utc", **variables)
        by_program = await run("--utc", *command, **variables)

        times = [datetime.fromisoformat(time) for time in TIME.findall(local.output)]
        assert times
        assert {time.utcoffset() for time in times} == {timedelta(hours=5, minutes=45)}
        assert TIME.findall(in_utc.output) == [str(time.astimezone(UTC)) for time in times]
        assert by_program == in_utc


async def test_what_is_selected_is_listed(filled: Program) -> None:
    selections = {
        "": ["second", "first", "clue"],
        "--unread": ["second", "first"],
        "--channel marketing-clue": ["clue"],
        "--channel marketing-clue --channel news": ["second", "first", "clue"],
        "--limit 2": ["second", "clue"],
        "--limit 2 --unread": ["second", "first"],
        "--limit 1 --channel marketing-clue": ["clue"],
        "--limit 9": ["second", "first", "clue"],
    }

    shown = {
        options: await tocsin(filled, "inbox", "alice", *options.split()) for options in selections
    }
    as_json = {
        options: await tocsin(filled, "inbox", "alice", *options.split(), "--json")
        for options in selections
    }

    assert {options: _shown_titles(ended) for options, ended in shown.items()} == selections
    assert {options: sorted(_titles(ended)) for options, ended in as_json.items()} == {
        options: sorted(titles) for options, titles in selections.items()
    }


def _shown_titles(ended: Ended) -> list[str]:
    lines = [line.split() for line in _timeless(ended)]
    return [words[words.index("TIME") + 2] for words in lines if "TIME" in words]


async def test_a_selected_channel_has_its_own_numbers_and_the_inbox_none(filled: Program) -> None:
    async with AsyncClient(filled.target) as client:
        await client.create_channel("quiet", title="Quiet")

    read = await tocsin(filled, "inbox", "alice", "--channel", "marketing-clue", "--unread")
    quiet = await tocsin(filled, "inbox", "alice", "--channel", "quiet")
    both = await tocsin(
        *(filled, "inbox", "alice", "--channel", "quiet", "--channel", "news", "--limit", "1")
    )

    assert _timeless(read) == ["marketing-clue  Clues  1 notification, 0 unread, 0 unseen"]
    assert _timeless(quiet) == ["quiet  Quiet  0 notifications, 0 unread, 0 unseen"]
    assert _timeless(both) == [
        "news  News  2 notifications, 2 unread, 2 unseen",
        "unread  TIME  critical  second",
        "",
        "quiet  Quiet  0 notifications, 0 unread, 0 unseen",
    ]
    assert await tocsin(filled, "inbox", "alice", "--channel", "quiet", "--json") == Ended(
        0, "", ""
    )


@pytest.mark.parametrize(
    "options",
    [
        *("", "--json", "--limit 1", "--channel news", "--channel gone"),
        *("--mark read", "--mark unseen --json", "--mark read --channel news"),
    ],
)
async def test_a_selected_channel_that_does_not_exist_is_an_error(
    filled: Program, options: str
) -> None:
    ended = await tocsin(filled, "inbox", "alice", "--channel", "nowhere", *options.split())

    assert "CHANNEL_NOT_FOUND" in one_line(ended, 1)
    async with AsyncClient(filled.target) as client:
        assert (await client.get_inbox("alice")).unread_count == 2


async def test_json_is_one_notification_a_line_the_latest_first(filled: Program) -> None:
    assert _titles(await tocsin(filled, "inbox", "alice", "--json")) == ["second", "clue", "first"]


async def test_an_inbox_with_nothing_in_it_says_so(program: Program) -> None:
    shown = await tocsin(program, "inbox", "alice")

    assert shown == Ended(0, "alice  0 notifications, 0 unread, 0 unseen\n", "")
    assert await tocsin(program, "inbox", "alice", "--json") == Ended(0, "", "")


@pytest.mark.parametrize(
    ("state", "said", "counts"),
    [
        ("read", "marked 2 notifications read", (0, 0)),
        ("seen", "marked 2 notifications seen", (2, 0)),
        ("unread", "marked 1 notification unread", (3, 2)),
        ("unseen", "marked 1 notification unseen", (3, 3)),
    ],
)
async def test_everything_is_marked(
    filled: Program, state: str, said: str, counts: tuple[int, int]
) -> None:
    marked = await tocsin(filled, "inbox", "alice", "--mark", state)

    assert marked == Ended(0, f"{said}\nalice has {counts[0]} unread\n", "")
    async with AsyncClient(filled.target) as client:
        inbox = await client.get_inbox("alice")
    assert (inbox.unread_count, inbox.unseen_count) == counts


async def test_channels_are_marked_alone(filled: Program) -> None:
    marked = await tocsin(
        filled, "inbox", "alice", "--mark", "unread", "--channel", "marketing-clue", "--json"
    )

    response = Parse(marked.output, UpdateNotificationsResponse())
    assert (response.updated_count, response.inbox.unread_count) == (1, 3)


async def test_notifications_are_marked_by_their_ids(filled: Program) -> None:
    listed = await tocsin(filled, "inbox", "alice", "--unread", "--json")
    ids = [json.loads(line)["notificationId"] for line in listed.output.splitlines()]

    marked = await tocsin(
        filled, "inbox", "alice", "--mark", "read", "--id", ids[0], "--id", ids[0]
    )
    again = await tocsin(filled, "inbox", "alice", "--mark", "read", "--id", ids[0])

    assert marked == Ended(0, "marked 1 notification read\nalice has 1 unread\n", "")
    assert again == Ended(0, "marked 0 notifications read\nalice has 1 unread\n", "")
    assert _titles(await tocsin(filled, "inbox", "alice", "--unread", "--json")) == ["first"]


async def test_an_id_that_names_nothing_is_an_error(filled: Program) -> None:
    listed = await tocsin(filled, "inbox", "alice", "--unread", "--json")
    notification_id = json.loads(listed.output.splitlines()[0])["notificationId"]
    mark = ("inbox", "alice", "--mark", "read", "--id", "nobodys")

    none = await tocsin(filled, *mark)
    others = await tocsin(filled, "inbox", "bob", *mark[2:4], "--id", notification_id)
    some = await tocsin(filled, *mark, "--id", notification_id, "--id", "nothing")
    as_json = await tocsin(filled, *mark, "--id", notification_id, "--json")

    assert one_line(none, 1) == "tocsin: alice has no notification nobodys"
    assert one_line(others, 1) == f"tocsin: bob has no notification {notification_id}"
    assert some == Ended(
        1,
        "marked 1 notification read\nalice has 1 unread\n",
        "tocsin: alice has no notifications nobodys, nothing\n",
    )
    assert (as_json.code, as_json.errors) == (1, "tocsin: alice has no notification nobodys\n")
    assert Parse(as_json.output, UpdateNotificationsResponse()).updated_count == 0


async def test_a_user_never_seen_has_nothing_to_mark(program: Program) -> None:
    marked = await tocsin(program, "inbox", "alice", "--mark", "read")

    assert marked == Ended(0, "marked 0 notifications read\nalice has 0 unread\n", "")


async def test_a_long_inbox_comes_page_by_page_and_leaves_with_its_reader(
    program: Program,
) -> None:
    lines = "".join(
        json.dumps(
            {
                "message": {"channelId": "marketing-clue", "title": f"lead {number}"},
                "audience": {"userIds": ["alice"]},
            }
        )
        + "\n"
        for number in range(1_200)
    )
    await tocsin(program, "send", "-", stdin=lines)

    shown = await tocsin(program, "inbox", "alice", "--limit", "1100")
    listed = await tocsin(program, "messages", "list", "marketing-clue", "--limit", "1100")
    left = await shell("tocsin inbox alice | head -4", TOCSIN_TARGET=program.target)

    titles = [f"lead {number}" for number in reversed(range(100, 1_200))]
    assert [line.partition("normal    ")[2] for line in _timeless(shown)[3:]] == titles
    assert [" ".join(line.split()[2:4]) for line in _timeless(listed)] == titles
    assert (left.code, left.errors) == (0, "")
    assert left.output.endswith("  lead 1199\n")


async def test_a_terminal_gets_lines_of_its_width_and_no_escapes_of_senders(
    program: Program,
) -> None:
    title = "\x1b[31mre\x07d " + "漢字" * 30
    await tocsin(program, "send", "marketing-clue", title, "--to", "alice", "--severity", "high")

    sent = await _shown_on_a_terminal(program, columns=60)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", sent)
    assert "\x1b[1;33m\\x1b[31mre\\x07d" in sent
    assert "\x1b[31m" not in sent
    assert "\x07" not in sent
    assert sum(line.count("漢") for line in plain.splitlines()) == 30
    assert max(len(line) + sum(map(line.count, "漢字")) for line in plain.splitlines()) <= 60


async def test_columns_0_is_a_width_that_is_not_known(program: Program) -> None:
    await tocsin(program, "send", "marketing-clue", "Hello", "--to", "alice")

    assert "Hello" in await _shown_on_a_terminal(program, columns=0)


async def _shown_on_a_terminal(program: Program, columns: int) -> str:
    """Returns what a terminal receives from `tocsin inbox alice`."""
    ours, its = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
        process = await asyncio.create_subprocess_exec(
            *(TOCSIN, "inbox", "alice", "--target", program.target),
            env=environment(TERM="xterm-256color", COLUMNS=str(columns)),
            stdin=its,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        sent = b""
        try:
            async with asyncio.timeout(60):
                while read := await asyncio.to_thread(_read, screen.fileno()):
                    sent += read
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return sent.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the writer has closed it
        return b""


async def test_messages_are_listed_the_newest_first(filled: Program) -> None:
    listed = await tocsin(filled, "messages", "list", "news")
    one = await tocsin(filled, "messages", "list", "news", "--limit", "1", "--json")

    (message,) = (Parse(line, Message()) for line in one.output.splitlines())
    ids = re.findall(r"[0-9a-f-]{36}$", listed.output, re.MULTILINE)
    assert message.message_id == ids[0]
    assert _timeless(listed) == [
        f"TIME  critical  second  {ids[0]}",
        f"TIME  normal    first  {ids[1]}",
    ]


async def test_a_channel_without_messages_lists_none_and_a_missing_one_is_an_error(
    program: Program,
) -> None:
    none = await tocsin(program, "messages", "list", "marketing-clue")
    refused = await tocsin(program, "messages", "list", "marketing-clues")

    assert none == Ended(0, "", "")
    assert "[CHANNEL_NOT_FOUND]" in one_line(refused, 1)


async def test_a_message_is_shown_with_all_that_it_has(program: Program) -> None:
    sent = await tocsin(
        *(program, "send", "marketing-clue", "A new lead", "--to", "alice", "--json"),
        *("--content", "*Acme*\x1b[31m\n called", "--url", "/leads/42", "--severity", "high"),
        *("--sender", "crm", "--label", "team=sales"),
        *("--data", '{"city": "Zürich", "id": 42}'),
    )
    message_id = json.loads(sent.output)["message"]["messageId"]

    shown = await tocsin(program, "messages", "get", message_id)
    as_json = await tocsin(program, "messages", "get", message_id, "--json")
    unknown = await tocsin(program, "messages", "get", "nothing")

    assert _timeless(shown) == [
        f"message      {message_id}",
        "channel      marketing-clue",
        "title        A new lead",
        "severity     high",
        "sender       crm",
        "url          /leads/42",
        "label        team=sales",
        'data         {"city": "Zürich", "id": 42}',
        "sent         TIME",
        "content      *Acme*\\x1b[31m",
        "              called",
    ]
    assert Parse(as_json.output, Message()).data["city"] == "Zürich"
    assert re.search(r'"id": 42[,}]', as_json.output)
    assert "[MESSAGE_NOT_FOUND]" in one_line(unknown, 1)
