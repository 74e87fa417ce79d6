"""Rules for every command, also for commands to come."""

import asyncio

import pytest

from tests.e2e.command_line import NOWHERE, Ended, one_line, run
from tests.e2e.words import ALL, COMMANDS, GROUPS, Words

# Each command with its required arguments, some in several forms, and its stdin.
CALLS: list[tuple[Words, Words, str]] = [
    (("channels", "create"), ("news", "--title", "News"), ""),
    (("channels", "delete"), ("news",), ""),
    (("channels", "get"), ("news",), ""),
    (("channels", "list"), (), ""),
    (("channels", "update"), ("news", "--title", "News"), ""),
    (("channels", "update"), ("news", "--label", "team=press"), ""),
    (("inbox",), ("alice",), ""),
    (("inbox",), ("alice", "--json"), ""),
    (("inbox",), ("alice", "--mark", "read"), ""),
    (("inbox",), ("alice", "--mark", "read", "--id", "n"), ""),
    (("messages", "get"), ("m",), ""),
    (("messages", "list"), ("news",), ""),
    (("send",), ("news", "Hello", "--to", "alice"), ""),
    (("send",), ("-",), "{}\n"),
]
# It waits for a server; its own tests check that.
PATIENT = [("watch",)]


def _named(words: Words) -> str:
    return " ".join(("tocsin", *words))


def test_every_command_is_called_here() -> None:
    assert sorted({words for words, _, _ in CALLS} | set(PATIENT)) == COMMANDS
    assert len(COMMANDS) > 8


async def test_an_unreachable_server_is_one_line() -> None:
    # All at once. The command's timeout is the one that counts.
    ends = await asyncio.gather(
        *(
            run(
                *("--timeout", "3000", *words, *arguments, "--target", NOWHERE, "--timeout", "1"),
                stdin=stdin,
                TOCSIN_TIMEOUT="3000",
            )
            for words, arguments, stdin in CALLS
        )
    )

    for ended, (words, arguments, _) in zip(ends, CALLS, strict=True):
        assert f"{NOWHERE}: no answer in time" in one_line(ended, 1), (words, arguments)


async def test_the_variable_has_the_timeout_of_commands_without_one() -> None:
    ended = await run("channels", "list", "--target", NOWHERE, TOCSIN_TIMEOUT="0.5")
    refused = await run("channels", "list", TOCSIN_TIMEOUT="0")

    assert f"{NOWHERE}: no answer in time" in one_line(ended, 1)
    assert "'--timeout' (env var: 'TOCSIN_TIMEOUT')" in one_line(refused, 2)


@pytest.mark.parametrize("command", ALL, ids=_named)
async def test_help_shows_an_example(command: Words) -> None:
    helped = await run(*command, "--help")

    assert (helped.code, helped.errors) == (0, "")
    assert f"    {_named(command)} " in helped.output


@pytest.mark.parametrize("group", GROUPS, ids=_named)
async def test_a_group_without_a_command_helps(group: Words) -> None:
    bare, helped = await run(*group), await run(*group, "--help")

    assert bare == Ended(2, helped.output, "")


@pytest.mark.parametrize("command", COMMANDS, ids=_named)
async def test_a_command_takes_a_target_and_a_timeout_and_gives_json(command: Words) -> None:
    helped = await run(*command, "--help")

    assert "--target ADDRESS" in helped.output
    assert ("--timeout SECONDS" in helped.output) == (command not in PATIENT)
    assert "--json" in helped.output
