"""A proxy in the environment: which servers are behind it, and what an error says of it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tocsin_client._proxy import proxy_for
from tocsin_client._target import parse_target

from tests.support.forking import FORKING
from tests.unit.client.conftest import Serve
from tests.unit.client.programs import run
from tests.unit.client.scripting import ScriptedInbox, snapshot

VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A proxy that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dead() -> str:
    """A proxy that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


_CALLS = """
import sys
from tocsin_client import Client

with Client(sys.argv[1]) as client:
    print(client.get_inbox("alice", timeout=30).user_id)
    with client.subscribe("alice") as subscription:
        print(subscription.next(timeout=30).revision)
"""

_CALLS_ASYNC = """
import asyncio, sys
from tocsin_client import AsyncClient

async def main():
    async with AsyncClient(sys.argv[1]) as client:
        print((await client.get_inbox("alice", timeout=30)).user_id)
        async with client.subscribe("alice") as subscription, asyncio.timeout(30):
            print((await anext(subscription)).revision)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("program", "variable", "tcp"),
    [
        (_CALLS, "grpc_proxy", True),
        (_CALLS_ASYNC, "http_proxy", True),
        (_CALLS_ASYNC, "grpc_proxy", False),
    ],
)
async def test_a_server_on_this_machine_is_reached_without_the_proxy(
    serve: Serve,
    black_hole: str,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    variable: str,
    tcp: bool,
) -> None:
    target = await serve(ScriptedInbox([snapshot(5)]), tcp=tcp)
    monkeypatch.setenv(variable, f"http://{black_hole}")

    assert await run(program, target) == ["alice", "5"]


async def test_a_server_called_localhost_is_reached_without_the_proxy(
    serve: Serve, dead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = await serve(ScriptedInbox([snapshot(5)]), tcp=True)
    monkeypatch.setenv("https_proxy", f"http://{dead}")

    assert await run(_CALLS, target.replace("127.0.0.1", "localhost")) == ["alice", "5"]


_FAILS = """
import sys
from tocsin_client import CallError, Client

with Client("tocsin.example:50051") as client:
    try:
        client.get_inbox("alice", timeout=1)
    except CallError as error:
        print(error)
    subscription = client.subscribe("alice")
    try:
        subscription.next(timeout=float(sys.argv[1]))
    except TimeoutError as error:
        print(error)
"""

_FAILS_ASYNC = """
import asyncio, sys
from tocsin_client import AsyncClient, CallError

async def main():
    async with AsyncClient("tocsin.example:50051") as client:
        try:
            await client.get_inbox("alice", timeout=1)
        except CallError as error:
            print(error)
        subscription = client.subscribe("alice")
        try:
            async with asyncio.timeout(float(sys.argv[1])):
                await anext(subscription)
        except TimeoutError:
            print(subscription.interruption)

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [_FAILS, _FAILS_ASYNC])
def test_an_error_names_the_proxy_that_is_not_there(program: str, dead: str) -> None:
    call, stream = failing(program, f"http://user:secret@{dead}", seconds=2)

    assert "refused" in call
    for error in (call, stream):
        assert f", through the proxy {dead}" in error
        assert "secret" not in error


@pytest.mark.parametrize("program", [_FAILS, _FAILS_ASYNC])
def test_an_error_names_the_proxy_that_answers_nothing(program: str, black_hole: str) -> None:
    call, _ = failing(program, f"http://{black_hole}", seconds=0.1)

    assert call.startswith("no answer in time: the server is slow, or nothing serves the target")
    assert call.endswith(f", through the proxy {black_hole} [DEADLINE_EXCEEDED]")


def failing(program: str, proxy: str, *, seconds: float) -> list[str]:
    """What a program says of a server behind a proxy."""
    with FORKING.on(snippets=True):
        done = subprocess.run(
            [sys.executable, "-c", program, str(seconds)],
            env={**os.environ, "grpc_proxy": proxy},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, ""),
        ({"http_proxy": "http://a:1"}, "a:1"),
        ({"http_proxy": "http://a:1", "https_proxy": "http://b:2"}, "b:2"),
        ({"https_proxy": "http://b:2", "grpc_proxy": "http://u:p@c"}, "c"),
        ({"https_proxy": "http://b:2", "grpc_proxy": ""}, ""),
        ({"http_proxy": "https://a:1"}, ""),
        ({"http_proxy": "a:1"}, ""),
        ({"http_proxy": "http://[::1"}, ""),
        ({"http_proxy": "http://a:1", "no_proxy": "one.example, EXAMPLE.com"}, ""),
        ({"http_proxy": "http://a:1", "no_proxy": ".com", "no_grpc_proxy": "x"}, "a:1"),
        ({"http_proxy": "http://a:1", "no_proxy": "tocsin,,10.0.0.0/8"}, "a:1"),
    ],
)
def test_the_proxy_is_found_as_grpc_finds_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert proxy_for("tocsin.example.com") == proxy


@pytest.mark.parametrize(
    ("target", "proxy"),
    [
        ("10.1.2.3:1", ""),
        ("11.1.2.3:1", "a:1"),
        ("tls://[2001:db8::1]:1", "a:1"),
        ("tls://localhost:1", ""),
        ("LOCALHOST.:1", ""),
        ("127.9.9.9:1", ""),
        ("[::1]:1", ""),
        ("unix:path", ""),
    ],
)
def test_which_targets_are_behind_a_proxy(
    monkeypatch: pytest.MonkeyPatch, target: str, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://a:1")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8")

    assert parse_target(target).proxy == proxy
