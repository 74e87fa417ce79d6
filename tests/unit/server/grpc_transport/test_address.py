import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from tocsin_server.grpc_transport.address import CannotListen, resolve

from tests.support.loopbacks import LOOPBACKS, family, with_port

HOSTS = ("127.0.0.1", "127.0.0.2")


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that stands for two addresses of this machine."""
    look_up = socket.getaddrinfo

    def known(host: str, port: int, **options: Any) -> Sequence[Any]:  # noqa: ANN401  # as it is
        hosts = HOSTS if host == "both.example" else [host]
        return [found for each in hosts for found in look_up(each, port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", known)
    return "both.example"


@contextmanager
def taken(host: str) -> Iterator[int]:
    with socket.socket(family(host)) as listener:
        listener.bind((host, 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOSTS[0], 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_name_is_all_its_addresses(name: str) -> None:
    port = free_port()

    assert resolve(f"{name}:{port}") == [f"{host}:{port}" for host in HOSTS]


@pytest.mark.parametrize("host", HOSTS)
def test_an_address_that_is_taken_is_named(name: str, host: str) -> None:
    with taken(host) as port, pytest.raises(CannotListen) as caught:
        resolve(f"{name}:{port}")

    assert str(caught.value) == f"cannot listen on {name}:{port}: {host}:{port} is in use"


def test_one_port_is_picked_for_all_addresses(name: str) -> None:
    first, second = resolve(f"{name}:0")

    assert first.rpartition(":")[2] == second.rpartition(":")[2] != "0"
    assert [first.rpartition(":")[0], second.rpartition(":")[0]] == list(HOSTS)


def test_localhost_is_the_loopback_of_every_family_that_the_machine_has() -> None:
    port = free_port()

    found = resolve(f"localhost:{port}")

    assert sorted(found) == sorted(with_port(host, port) for host in LOOPBACKS)


@pytest.mark.parametrize("host", LOOPBACKS)
def test_localhost_is_refused_when_one_loopback_address_is_taken(host: str) -> None:
    with taken(host) as port, pytest.raises(CannotListen) as caught:
        resolve(f"localhost:{port}")

    bound = with_port(host, port)
    assert str(caught.value) == f"cannot listen on localhost:{port}: {bound} is in use"


@pytest.mark.parametrize("host", LOOPBACKS)
def test_a_port_of_one_address_is_picked_when_it_is_bound(host: str) -> None:
    address = with_port(host, 0)

    assert resolve(address) == [address]


def test_a_lone_address_that_is_taken_is_named_once() -> None:
    with taken(HOSTS[0]) as port, pytest.raises(CannotListen) as caught:
        resolve(f"{HOSTS[0]}:{port}")

    assert str(caught.value) == f"cannot listen on {HOSTS[0]}:{port}: it is in use"
