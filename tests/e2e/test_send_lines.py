"""`tocsin send -`: a message a line."""

import json

import pytest
from google.protobuf.json_format import Parse
from tocsin.v1.message_service_pb2 import BatchSendResult
from tocsin_client import AsyncClient

from tests.e2e.command_line import Ended, one_line, run, running, shell, tocsin
from tests.e2e.program import Program


def _line(title: str, *user_ids: str, channel_id: str = "marketing-clue") -> str:
    request = {
        "message": {"channelId": channel_id, "title": title},
        "audience": {"userIds": user_ids or ["alice"]},
        "requestId": f"line-{title}",
    }
    return json.dumps(request) + "\n"


async def _titles(program: Program, user_id: str = "alice") -> list[str]:
    """Returns the titles of the user's notifications, in the order of arrival."""
    async with AsyncClient(program.target) as client:
        return [n.message.title async for n in client.list_notifications(user_id)][::-1]


async def test_each_line_is_a_message_sent_in_order(program: Program) -> None:
    sent = await tocsin(
        program, "send", "-", stdin=_line("1") + _line("2", "alice", "bob") + "\n" + _line("3")
    )

    assert (sent.code, sent.errors) == (0, "")
    assert [line.rpartition("  ")[0] for line in sent.output.splitlines()] == [
        "sent to 1 inbox",
        "sent to 2 inboxes",
        "sent to 1 inbox",
    ]
    assert await _titles(program) == ["1", "2", "3"]


async def test_more_lines_than_a_batch_holds_are_sent_in_order(program: Program) -> None:
    numbers = [str(number) for number in range(1_300)]

    sent = await tocsin(program, "send", "-", stdin="".join(map(_line, numbers)))

    assert (sent.code, len(sent.output.splitlines())) == (0, 1_300)
    assert await _titles(program) == numbers


async def test_more_recipients_than_a_batch_holds_are_sent_to(program: Program) -> None:
    users = [f"user-{number}" for number in range(1_000)]

    sent = await tocsin(
        program, "send", "-", stdin="".join(_line(title, *users) for title in "abcdefg")
    )

    assert [line.rpartition("  ")[0] for line in sent.output.splitlines()] == [
        "sent to 1,000 inboxes"
    ] * 7
    assert await _titles(program, users[-1]) == list("abcdefg")


async def test_a_line_that_is_refused_is_reported_and_the_rest_is_sent(program: Program) -> None:
    sent = await tocsin(
        *(program, "send", "-"),
        stdin="".join(
            [
                _line("1"),
                "nonsense\n",
                _line("nowhere", channel_id="nowhere"),
                '{"massage": {}}\n',
                "[]\n",
                "\n",
                _line(""),
                _line("beyond", *(f"user-{number}" for number in range(6_000))),
                "x" * 1_100_000 + "\n",
                _line("2").rstrip("\n"),
            ]
        ),
    )

    assert sent.code == 1
    assert len(sent.output.splitlines()) == 2
    reported = [line.split(": ", 2) for line in sent.errors.splitlines()]
    assert [(program_, line) for program_, line, _ in reported] == [
        ("tocsin", f"line {number}") for number in (2, 3, 4, 5, 7, 8, 9)
    ]
    for (_, _, why), part in zip(
        reported,
        ["JSON", "CHANNEL_NOT_FOUND", "massage", "JSON", "message.title", "5,000", "1 MiB"],
        strict=True,
    ):
        assert part in why
    assert await _titles(program) == ["1", "2"]


async def test_json_gives_one_result_for_each_line(program: Program) -> None:
    sent = await tocsin(
        *(program, "send", "-", "--json"),
        stdin=_line("1") + "nonsense\n" + _line("nowhere", channel_id="nowhere") + _line("2"),
    )

    results = [Parse(line, BatchSendResult()) for line in sent.output.splitlines()]
    assert [result.WhichOneof("outcome") for result in results] == [
        "response",
        "error",
        "error",
        "response",
    ]
    assert [result.error.code for result in results] == [0, 3, 5, 0]
    assert sent.code == 1


async def test_lines_are_sent_while_stdin_stays_open(program: Program) -> None:
    async with running("send", "-", TOCSIN_TARGET=program.target) as send:
        await send.write(_line("1") + _line("2")[:20])
        first = await send.line()
        then = await _titles(program)
        await send.write(_line("2")[20:])
        second = await send.line()
        ended = await send.interrupt()

    assert first.startswith("sent to 1 inbox  ")
    assert then == ["1"]
    assert second.startswith("sent to 1 inbox  ")
    assert ended == Ended(130, "", "")
    assert await _titles(program) == ["1", "2"]


async def test_lines_sent_again_are_sent_once(program: Program) -> None:
    stdin = _line("1") + _line("2")

    first = await tocsin(program, "send", "-", stdin=stdin)
    second = await tocsin(program, "send", "-", stdin=stdin)

    assert first == second
    assert await _titles(program) == ["1", "2"]


@pytest.mark.process
async def test_a_server_that_fails_is_reported_with_the_line_to_continue_from(
    program: Program,
) -> None:
    async with running("send", "-", TOCSIN_TARGET=program.target, TOCSIN_TIMEOUT="1.5") as send:
        await send.write(_line("1"))
        await send.line()
        await program.kill()
        ended = await send.end(_line("2"))

    assert f"from line 2 on: {program.target}: no answer in time" in one_line(ended, 1)


async def test_everything_is_sent_even_if_the_results_are_not_read(program: Program) -> None:
    path = program.directory / "messages.jsonl"
    path.write_text("".join(_line(str(number)) for number in range(600)) + "nonsense\n")

    sent = await shell(f"tocsin send - < {path} | exec <&-", TOCSIN_TARGET=program.target)

    assert len(await _titles(program)) == 600
    assert sent.code == 1
    assert sent.errors.startswith("tocsin: line 601: ")


async def test_a_byte_order_mark_is_none_of_the_first_message(program: Program) -> None:
    sent = await tocsin(program, "send", "-", stdin="\ufeff" + _line("1") + _line("2"))

    assert (sent.code, sent.errors) == (0, "")
    assert await _titles(program) == ["1", "2"]


async def test_nothing_is_sent_of_nothing(program: Program) -> None:
    assert await tocsin(program, "send", "-") == Ended(0, "", "")


@pytest.mark.parametrize("script", ["cat {} | tocsin send -; exit $?", "tocsin send - < {}"])
async def test_a_file_and_a_pipe_are_read_alike(program: Program, script: str) -> None:
    path = program.directory / "messages.jsonl"
    path.write_text(_line("1") + _line("2"))

    sent = await shell(script.format(path), TOCSIN_TARGET=program.target)

    assert (sent.code, sent.errors) == (0, "")
    assert await _titles(program) == ["1", "2"]


async def test_stdin_that_cannot_be_read_is_wrong_usage(program: Program) -> None:
    ended = await shell("tocsin send - <&-", TOCSIN_TARGET=program.target)

    assert "stdin" in one_line(ended, 2)


async def test_a_malformed_target_is_reported_before_stdin_is_read() -> None:
    ended = await run("send", "-", "--target", "nonsense", stdin=_line("1"))

    assert "--target" in one_line(ended, 2)
