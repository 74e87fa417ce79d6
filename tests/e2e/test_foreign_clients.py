"""A client that knows nothing of Tocsin but what the server's reflection tells it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartProgram

SECONDS = 60.0
BUF = Path(sys.executable).with_name("buf")

Process = asyncio.subprocess.Process
Json = dict[str, Any]
Curl = Callable[[str, Json], Awaitable[Process]]


@pytest.fixture
async def curl(start_program: StartProgram, tmp_path: Path) -> AsyncIterator[Curl]:
    """Runs `buf curl` on a method of the program with a request; gives the process."""
    program = await start_program()
    async with AsyncExitStack() as stack:

        @asynccontextmanager
        async def running(method: str, request: Json) -> AsyncIterator[Process]:
            process = await asyncio.create_subprocess_exec(
                *(BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect"),
                *("--data", json.dumps(request), f"http://{program.target}/tocsin.v1.{method}"),
                cwd=tmp_path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.kill()
                await process.communicate()

        async def start(method: str, request: Json) -> Process:
            return await stack.enter_async_context(running(method, request))

        yield start


async def _answer(process: Process) -> Json:
    async with asyncio.timeout(SECONDS):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    answer: Json = json.loads(output)
    return answer


async def _responses(process: Process) -> AsyncIterator[Json]:
    """The JSON objects that a process writes one after the other, as they come."""
    assert process.stdout is not None
    decoder, text = json.JSONDecoder(), ""
    while chunk := await process.stdout.read(1 << 16):
        text = (text + chunk.decode()).lstrip()
        while text:
            try:
                response, end = decoder.raw_decode(text)
            except json.JSONDecodeError:
                break
            yield response
            text = text[end:].lstrip()


async def test_buf_curl_creates_sends_and_follows(curl: Curl) -> None:
    channel = {"channelId": "marketing-clue", "title": "Marketing clues"}
    created = await _answer(
        await curl("ChannelService/CreateChannel", {"channel": channel, "requestId": "create"})
    )
    follower = await curl("InboxService/Subscribe", {"userId": "ann"})
    message = {"channelId": "marketing-clue", "title": "A new lead", "url": "/leads/42"}

    async with asyncio.timeout(SECONDS):
        responses = _responses(follower)
        opening = await anext(responses)
        sent = await _answer(
            await curl(
                "MessageService/SendMessage",
                {"message": message, "audience": {"userIds": ["ann"]}, "requestId": "send"},
            )
        )
        live = await anext(responses)

    assert created["channel"]["etag"]
    assert opening["phase"] == "SUBSCRIBE_PHASE_SNAPSHOT"
    assert opening["caughtUp"] is True
    assert sent["acceptedCount"] == "1"
    assert live["phase"] == "SUBSCRIBE_PHASE_LIVE"
    assert live["inbox"]["unreadCount"] == "1"
    notification = live["changes"][0]["upserted"]
    assert notification["message"] == sent["message"]
    assert notification["message"]["title"] == "A new lead"


async def test_an_error_says_why(curl: Curl) -> None:
    request = {
        "message": {"channelId": "nowhere", "title": "A new lead"},
        "audience": {"userIds": ["ann"]},
    }
    process = await curl("MessageService/SendMessage", request)

    async with asyncio.timeout(SECONDS):
        _, errors = await process.communicate()

    # gRPC's code, shifted by three bits.
    assert process.returncode == 5 << 3
    assert json.loads(errors)["code"] == "not_found"
    assert "nowhere" in json.loads(errors)["message"]
