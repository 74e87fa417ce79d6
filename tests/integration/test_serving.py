"""Addresses, health, reflection, and a request id over a restart."""

import logging
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)
from tocsin_client import AsyncClient
from tocsin_server.app import CannotListen, Parts, SystemClock, serving
from tocsin_server.settings import Settings

from tests.integration.conftest import Serve
from tests.support import raw
from tests.support.asking import create_request, send_request
from tests.support.clocks import SetClock
from tests.support.services import SERVICES
from tests.support.serving import Served, database, served

NAMES = [service.full_name for service in SERVICES]


async def test_port_zero_picks_one_and_says_which(settings: Settings) -> None:
    async with serving(settings, Parts(SystemClock())) as address:
        host, _, port = address.rpartition(":")

    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_a_socket_of_a_path_is_served_and_said(settings: Settings, tmp_path: Path) -> None:
    listen = f"unix:{tmp_path / 'server.sock'}"

    async with serving(replace(settings, listen=listen)) as address, AsyncClient(address) as client:
        inbox = await client.get_inbox("alice")

    assert address == listen
    assert inbox.user_id == "alice"


async def test_an_address_that_is_taken_is_never_shared(server: Served, tmp_path: Path) -> None:
    second = Settings(database(tmp_path / "other.db"), server.target)

    with pytest.raises(CannotListen, match=server.target) as caught:
        async with serving(second):
            pass

    assert "\n" not in str(caught.value)
    assert (await server.client.get_inbox("alice")).user_id == "alice"


async def health_of(server: Served, service: str) -> HealthCheckResponse:
    request = HealthCheckRequest(service=service).SerializeToString()
    return HealthCheckResponse.FromString(
        await raw.unary(server.channel, "/grpc.health.v1.Health/Check", request)
    )


async def test_every_service_is_healthy(server: Served) -> None:
    for service in ("", *NAMES):
        assert (await health_of(server, service)).status == HealthCheckResponse.SERVING, service


async def test_the_health_of_an_unknown_service_is_not_found_and_no_defect(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(grpc.aio.AioRpcError) as caught:
        await health_of(server, "nowhere")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caplog.records == []


async def test_reflection_lists_the_services_and_describes_them(server: Served) -> None:
    questions = [
        ServerReflectionRequest(list_services=""),
        *(ServerReflectionRequest(file_containing_symbol=name) for name in NAMES),
    ]
    call = raw.exchange(
        server.channel,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        [question.SerializeToString() for question in questions],
    )

    listed, *described = [ServerReflectionResponse.FromString(answer) async for answer in call]

    assert {service.name for service in listed.list_services_response.service} == {
        *NAMES,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert all(answer.file_descriptor_response.file_descriptor_proto for answer in described)


async def test_a_method_that_there_is_not_is_unimplemented(server: Served) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw.unary(server.channel, "/tocsin.v1.InboxService/Nothing", b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_request_id_is_remembered_over_a_restart(serve: Serve, settings: Settings) -> None:
    request = send_request("alice", request_id="r-1")
    async with serve(settings) as server:
        await server.channels.CreateChannel(create_request("news", request_id="c-1"))
        first = await server.messages.SendMessage(request)

    async with serve(settings) as server:
        await server.channels.CreateChannel(create_request("news", request_id="c-1"))
        again = await server.messages.SendMessage(request)
        inbox = await server.client.get_inbox("alice")

    assert again == first
    assert inbox.revision == 1


async def test_a_request_id_is_forgotten_after_its_retention(settings: Settings) -> None:
    clock = SetClock()
    request = send_request("alice", request_id="r-1")
    async with served(replace(settings, idempotency_retention=60.0), clock=clock) as server:
        await server.channels.CreateChannel(create_request("news"))
        first = await server.messages.SendMessage(request)
        clock.advance(59)
        within = await server.messages.SendMessage(request)
        clock.advance(2)
        after = await server.messages.SendMessage(request)

    assert within == first
    assert after.message.message_id != first.message.message_id
    assert after.message.create_time.ToMicroseconds() == clock.now()
