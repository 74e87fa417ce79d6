"""`tocsin`, as its users run it, against the real server."""

import asyncio
import json
import os
import pty
import re
import sys
from contextlib import closing

import pytest
from google.protobuf.json_format import Parse
from tocsin.v1.channel_pb2 import Channel
from tocsin.v1.inbox_service_pb2 import SubscribeResponse
from tocsin.v1.message_service_pb2 import SendMessageResponse
from tocsin_client import AsyncClient
from tocsin_client.cli.commands import send
from tocsin_server.domain.model import limits

from tests.e2e.command_line import (
    NOWHERE,
    TOCSIN,
    Ended,
    one_line,
    run,
    running,
    shell,
    tocsin,
)
from tests.e2e.program import Program, environment
from tests.e2e.words import ALL, Words


async def test_channels_are_created_listed_and_shown(program: Program) -> None:
    await tocsin(
        *(program, "channels", "create", "news", "--title", "News", "--description", "All of it"),
        *("--label", "team=press", "--label", "area="),
    )

    listed = await tocsin(program, "channels", "list")
    shown = await tocsin(program, "channels", "get", "news")

    assert listed == Ended(0, "marketing-clue  Clues\nnews            News\n", "")
    assert shown.code == 0
    assert [line.split(maxsplit=1) for line in shown.output.splitlines()][:5] == [
        ["channel", "news"],
        ["title", "News"],
        ["description", "All of it"],
        ["label", "area="],
        ["label", "team=press"],
    ]


async def test_a_send_carries_every_option(program: Program) -> None:
    sent = await tocsin(
        *(program, "send", "marketing-clue", "A new lead", "--to", "alice", "--to", "bob"),
        *("--content", "-", "--markdown", "--url", "/leads/42", "--mobile-url", "/m/42"),
        *("--severity", "critical", "--sender", "crm", "--label", "team=sales"),
        *("--data", '{"id": 42}', "--json"),
        stdin="*Acme* called\nat noon\n",
    )

    assert (sent.code, sent.errors) == (0, "")
    async with AsyncClient(program.target) as client:
        message_id = Parse(sent.output, SendMessageResponse()).message.message_id
        message = await client.get_message(message_id)
    assert message.title == "A new lead"
    assert message.content == "*Acme* called\nat noon"
    assert message.content_format == 2
    assert (message.url, message.mobile_url) == ("/leads/42", "/m/42")
    assert message.severity == 4
    assert message.sender == "crm"
    assert message.labels == {"team": "sales"}
    assert message.data["id"] == 42
    assert json.loads(sent.output)["acceptedCount"] == "2"


async def test_a_repeat_with_its_request_id_sends_once(program: Program) -> None:
    command = ("send", "marketing-clue", "A new lead", "--to", "alice", "--request-id", "lead-42")

    first, second = [await tocsin(program, *command) for _ in range(2)]

    assert first == second
    assert re.fullmatch(r"sent to 1 inbox  [0-9a-f-]{36}\n", first.output)
    async with AsyncClient(program.target) as client:
        assert (await client.get_inbox("alice")).total_count == 1


async def test_json_is_one_message_a_line(program: Program) -> None:
    created = await tocsin(program, "--json", "channels", "create", "news", "--title", "Nüws")
    listed = await tocsin(program, "channels", "list", "--json")
    shown = await tocsin(program, "channels", "get", "news", "--json")

    channel = Parse(created.output, Channel())
    assert channel.title == "Nüws"
    assert shown.output == created.output
    ids = [Parse(line, Channel()).channel_id for line in listed.output.splitlines()]
    assert ids == ["marketing-clue", "news"]


async def test_the_target_may_stand_before_and_after_the_command(program: Program) -> None:
    before = await run("--target", program.target, "channels", "list", TOCSIN_TARGET=NOWHERE)
    after = await run(
        *("--target", NOWHERE, "channels", "list", "--target", program.target),
        TOCSIN_TARGET=NOWHERE,
    )

    assert before == after
    assert before.code == 0


async def test_watching_shows_what_is_there_and_each_change_as_it_comes(program: Program) -> None:
    for title in ("first", "second"):
        await tocsin(program, "send", "marketing-clue", title, "--to", "alice")

    async with running("watch", "alice", TOCSIN_TARGET=program.target) as watch:
        begin = [await watch.line() for _ in range(3)]
        await tocsin(
            *(program, "send", "marketing-clue", "A new lead", "--to", "alice"),
            *("--url", "/leads/42", "--severity", "high"),
        )
        follow = [await watch.line() for _ in range(2)]
        ended = await watch.interrupt()

    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
    assert re.fullmatch(time + r"      1  marketing-clue  normal    first", begin[0])
    assert re.fullmatch(time + r"      2  marketing-clue  normal    second", begin[1])
    assert begin[2] == "alice has 2 unread"
    assert re.fullmatch(
        time + r"      3  marketing-clue  high      A new lead  /leads/42", follow[0]
    )
    assert follow[1] == "alice has 3 unread"
    assert (ended.code, ended.output) == (130, "")
    assert ended.errors == ""


async def test_watching_shows_times_in_utc_with_the_option(program: Program) -> None:
    await tocsin(program, "send", "marketing-clue", "first", "--to", "alice")

    async with running(
        "watch", "alice", "--utc", TOCSIN_TARGET=program.target, TZ="Asia/Kathmandu"
    ) as watch:
        line = await watch.line()

    assert "+00:00  " in line


async def test_watching_begins_with_the_requested_number(program: Program) -> None:
    for title in ("first", "second"):
        await tocsin(program, "send", "marketing-clue", title, "--to", "alice")

    async with running(
        "watch", "alice", "--snapshot-size", "1", TOCSIN_TARGET=program.target
    ) as watch:
        lines = [await watch.line() for _ in range(2)]

    assert lines[0].endswith("  second")
    assert lines[1] == "alice has 2 unread"


@pytest.mark.process
async def test_watching_survives_a_kill_in_silence(program: Program) -> None:
    async with running("watch", "alice", TOCSIN_TARGET=program.target) as watch:
        await watch.line()
        await program.kill()
        await program.start()
        await tocsin(program, "send", "marketing-clue", "A new lead", "--to", "alice")
        lines = [await watch.line() for _ in range(2)]
        ended = await watch.interrupt()

    assert lines[0].endswith("      1  marketing-clue  normal    A new lead")
    assert lines[1] == "alice has 1 unread"
    assert ended.output == ""
    assert ended.errors == ""


@pytest.mark.process
async def test_watching_says_once_that_it_waits_for_the_server(program: Program) -> None:
    await program.kill()

    async with running("watch", "alice", TOCSIN_TARGET=program.target) as watch:
        said = await watch.error_line()
        await program.start()
        line = await watch.line()
        ended = await watch.interrupt()

    assert said.startswith(f"tocsin: waiting for {program.target}: ")
    assert line == "alice has 0 unread"
    assert ended == Ended(130, "", "")


async def test_watching_as_json_gives_responses_that_can_be_resumed_from(program: Program) -> None:
    async with running("watch", "alice", "--json", TOCSIN_TARGET=program.target) as watch:
        snapshot = Parse(await watch.line(), SubscribeResponse())
        await tocsin(program, "send", "marketing-clue", "first", "--to", "alice")
        live = Parse(await watch.line(), SubscribeResponse())
    await tocsin(program, "send", "marketing-clue", "second", "--to", "alice")

    async with running(
        "watch", "alice", "--json", "--cursor", live.cursor, TOCSIN_TARGET=program.target
    ) as watch:
        replay = Parse(await watch.line(), SubscribeResponse())

    assert (snapshot.phase, snapshot.caught_up) == (1, True)
    assert [change.upserted.message.title for change in live.changes] == ["first"]
    assert (live.phase, live.inbox.unread_count) == (3, 1)
    assert live.channel_counters[0].channel_id == "marketing-clue"
    assert (replay.phase, replay.after_revision, replay.revision) == (2, 1, 2)
    assert [change.upserted.message.title for change in replay.changes] == ["second"]


@pytest.mark.parametrize("lines", [1, 2])
async def test_watching_ends_quietly_with_its_reader(program: Program, lines: int) -> None:
    await tocsin(program, "send", "marketing-clue", "A new lead", "--to", "alice")

    # Nothing more comes: it has to notice by itself.
    ended = await shell(f"tocsin watch alice | head -{lines}", TOCSIN_TARGET=program.target)

    assert ended.code == 0
    assert ended.errors == ""
    assert len(ended.output.splitlines()) == lines


async def test_a_command_whose_reader_is_gone_ends_quietly(program: Program) -> None:
    ended = await shell("tocsin channels list | exec <&-", TOCSIN_TARGET=program.target)

    assert ended == Ended(0, "", "")


async def test_what_cannot_be_written_is_an_error(program: Program) -> None:
    full = await shell("tocsin channels list > /dev/full", TOCSIN_TARGET=program.target)
    closed = await shell("tocsin channels list >&-", TOCSIN_TARGET=program.target)
    helped = await shell("tocsin --help > /dev/full")

    assert "cannot write to stdout" in one_line(full, 1)
    assert "cannot write to stdout" in one_line(helped, 1)
    assert "cannot write to stdout" in one_line(closed, 1)


async def test_a_terminal_gets_colours_and_no_escapes_of_senders(program: Program) -> None:
    await tocsin(
        *(program, "send", "marketing-clue", "\x1b[31mre\x07d [bold]x[/bold]\n2", "--to", "alice"),
        *("--severity", "critical"),
    )

    coloured = await _watched_on_a_terminal(program)
    plain = await _watched_on_a_terminal(program, NO_COLOR="1")

    assert "\x1b[1;31m\\x1b[31mre\\x07d [bold]x[/bold] 2\x1b[0m" in coloured
    assert "\x1b[31m" not in coloured
    assert "\x07" not in coloured
    assert "31;" not in plain
    assert r"\x1b[31mre\x07d [bold]x[/bold] 2" in plain


async def _watched_on_a_terminal(program: Program, **variables: str) -> str:
    """Returns what a terminal receives up to the unread count."""
    ours, its = pty.openpty()
    with closing(os.fdopen(ours, "rb", buffering=0)) as screen:
        process = await asyncio.create_subprocess_exec(
            *(TOCSIN, "watch", "alice", "--target", program.target),
            env=environment(TERM="xterm-256color", **variables),
            stdin=its,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        try:
            sent = b""
            async with asyncio.timeout(60):
                while b"unread" not in sent:
                    sent += await asyncio.to_thread(screen.read, 4096)
        finally:
            process.kill()
            await process.wait()
    return sent.decode()


async def test_json_has_no_escapes_either(program: Program) -> None:
    sent = await tocsin(
        program, "send", "marketing-clue", "\x1b[31mred\x9b0m", "--to", "alice", "--json"
    )

    assert sent.output.isascii()
    assert sent.output.removesuffix("\n").isprintable()
    assert json.loads(sent.output)["message"]["title"] == "\x1b[31mred\x9b0m"


async def test_a_character_that_the_terminal_lacks_is_no_error(program: Program) -> None:
    await tocsin(program, "channels", "create", "news", "--title", "漢字")

    listed = await run("channels", "list", TOCSIN_TARGET=program.target, PYTHONIOENCODING="latin-1")

    assert listed.code == 0
    assert r"\u6f22\u5b57" in listed.output


async def test_what_the_server_refuses_is_one_line_with_its_reason(program: Program) -> None:
    unknown = await tocsin(program, "channels", "get", "nowhere")
    taken = await tocsin(program, "channels", "create", "marketing-clue", "--title", "Clues")
    watched = await tocsin(program, "watch", "no one")

    assert one_line(unknown, 1) == 'tocsin: There is no channel "nowhere". [CHANNEL_NOT_FOUND]'
    assert "[CHANNEL_ALREADY_EXISTS]" in one_line(taken, 1)
    assert "user_id" in one_line(watched, 1)


async def test_an_invalid_request_names_every_field(program: Program) -> None:
    ended = await tocsin(
        *(program, "send", "marketing-clue", "", "--to", "alice", "--to", "no one"),
        *("--url", "javascript:x", "--sender", "s" * 129),
    )

    line = one_line(ended, 1)
    for field in ("message.title", "message.url", "message.sender", "audience.user_ids[1]"):
        assert field in line


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["chanels"], "chanels"),
        (["channels", "creat"], "creat"),
        (["channels", "create", "news"], "--title"),
        (["channels", "create", "news", "--title", "News", "--label", "x"], "--label"),
        (["send", "news", "Hello"], "--to"),
        (["send", "news", "--to", "alice"], "TITLE"),
        (["send", "-", "Hello"], "TITLE"),
        (["send", "-", "--to", "alice"], "--to"),
        (["send", "-", "--request-id", "r"], "--request-id"),
        (["channels", "update", "news"], "--title"),
        (["channels", "update", "news", "--etag", "e"], "--title"),
        (["channels", "update", "news", "--label", "x"], "--label"),
        (["messages", "list", "news", "--limit", "0"], "--limit"),
        (["inbox", "alice", "--limit", "-1"], "--limit"),
        (["inbox", "alice", "--mark", "gone"], "'unseen'"),
        (["inbox", "alice", "--id", "n"], "--id"),
        (["inbox", "alice", "--mark", "read", "--unread"], "--unread"),
        (["inbox", "alice", "--mark", "read", "--limit", "1"], "--limit"),
        (["inbox", "alice", "--mark", "read", "--id", "n", "--channel", "c"], "--channel"),
        (["send", "news", "Hello", "--too", "alice"], "--too"),
        (["send", "news", "Hello", "--to", "alice", "--severity", "urgent"], "'critical'"),
        (["send", "news", "Hello", "--to", "alice", "--data", "["], "--data"),
        (["send", "news", "Hello", "--to", "alice", "--data", "[]"], "--data"),
        (["send", "news", "Hello", "--to", "alice", "--data", '{"a": "\\ud800"}'], "--data"),
        (
            [
                "send",
                "news",
                "Hello",
                "--to",
                "alice",
                "--data",
                '{"a": [1, {"b": 738529527931269425}]}',
            ],
            "a[1].b ",
        ),
        (["watch", "alice", "--snapshot-size", "0"], "--snapshot-size"),
        (["watch", "alice", "--snapshot-size", "many"], "--snapshot-size"),
        (["watch", "alice", "--target", "nonsense"], "--target"),
        ([b"watch", b"\xff"], "UTF-8"),
    ],
)
async def test_wrong_usage_is_one_line_that_names_it(
    arguments: list[str | bytes], named: str
) -> None:
    line = one_line(await run(*arguments), 2)

    assert named in line
    assert ".." not in line
    assert "?." not in line


async def test_a_variable_that_makes_no_sense_is_wrong_usage() -> None:
    ended = await run("channels", "list", TOCSIN_TARGET="nonsense")

    assert "TOCSIN_TARGET" in one_line(ended, 2)


@pytest.mark.parametrize("stdin", ["<&-", "< <(printf '\\xff')"])
async def test_content_that_cannot_be_read_is_wrong_usage(stdin: str) -> None:
    ended = await shell(f"tocsin send news Hello --to alice --content - {stdin}")

    assert "--content" in one_line(ended, 2)


@pytest.mark.parametrize(
    "written",
    ["cat /dev/zero", "yes ä", "head -c 2000000 /dev/zero", "head -c 100000000 /dev/zero"],
)
async def test_content_that_does_not_end_is_refused_with_its_limit(written: str) -> None:
    ended = await shell(f"tocsin send news Hello --to alice --content - < <({written})")

    line = one_line(ended, 2)
    assert "--content" in line
    assert f"{limits.CONTENT_CHARACTERS:,} characters" in line
    assert send.CONTENT_CHARACTERS == limits.CONTENT_CHARACTERS


async def test_content_beyond_the_limit_names_field_and_limit(program: Program) -> None:
    ended = await shell(
        "tocsin send marketing-clue Hello --to alice --content - < <(yes | head -c 20000 | tr '\\n' y)",
        TOCSIN_TARGET=program.target,
    )

    line = one_line(ended, 1)
    assert f"message.content has 20,000 characters; {limits.CONTENT_CHARACTERS:,} is the" in line


async def test_a_byte_order_mark_is_none_of_the_only_waits(program: Program) -> None:
    sent = await tocsin(
        *(program, "send", "marketing-clue", "Hello", "--to", "alice", "--content", "-", "--json"),
        stdin="\ufeffHello\n",
    )

    assert json.loads(sent.output)["message"]["content"] == "Hello"


async def test_the_version_is_printed() -> None:
    assert re.fullmatch(r"tocsin, version \d+\.\d+\.\d+\S*\n", (await run("--version")).output)


# Runs the program in an interpreter that cannot import some packages.
WITHOUT = """
import sys
sys.modules.update(dict.fromkeys({packages!r}))
sys.argv[1:] = {arguments!r}
from tocsin_client.cli.__main__ import main
main()
"""


async def _run_without(packages: list[str], arguments: list[str]) -> Ended:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WITHOUT.format(packages=packages, arguments=arguments)),
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


async def test_without_its_extra_it_says_what_to_install() -> None:
    ended = await _run_without(["typer"], ["--help"])

    assert one_line(ended, 2) == "tocsin: typer is missing: pip install 'tocsin[cli]'"


@pytest.mark.parametrize("command", ALL, ids=lambda words: " ".join(("tocsin", *words)))
async def test_help_loads_neither_grpc_nor_protobuf_nor_the_console(command: Words) -> None:
    ended = await _run_without(["grpc", "google.protobuf", "rich.console"], [*command, "--help"])

    assert (ended.code, ended.errors) == (0, "")
    assert "Examples:" in ended.output or not command
