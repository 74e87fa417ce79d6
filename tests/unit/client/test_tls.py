"""Encrypted connections, to a server whose certificate is made here."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import trustme
from tocsin.v1.inbox_service_pb2_grpc import add_InboxServiceServicer_to_server
from tocsin_client import AsyncClient, Client, DeadlineExceeded

from tests.support.blocking import in_threads
from tests.unit.client.scripting import ScriptedInbox, live, silence, snapshot

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()


@pytest.fixture
def inbox() -> ScriptedInbox:
    return ScriptedInbox([snapshot(5), live(5, 6), silence()])


@pytest.fixture
async def port(inbox: ScriptedInbox) -> AsyncIterator[int]:
    """Where a server is that proves to be `localhost`."""
    certificate = AUTHORITY.issue_cert("localhost")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_InboxServiceServicer_to_server(inbox, server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    yield port
    await server.stop(None)


@pytest.fixture(params=["AsyncClient", "Client"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def make(
    kind: str, target: str, root_certificates: bytes | None = None, timeout: float = 20.0
) -> AsyncClient:
    if kind == "Client":
        return in_threads(Client(target, timeout=timeout, root_certificates=root_certificates))
    return AsyncClient(target, timeout=timeout, root_certificates=root_certificates)


async def test_calls_and_streams_are_encrypted(kind: str, port: int) -> None:
    async with make(kind, f"tls://localhost:{port}", AUTHORITY.cert_pem.bytes()) as client:
        inbox = await client.get_inbox("alice")
        async with client.subscribe("alice") as subscription:
            revisions = [(await anext(subscription)).revision for _ in range(2)]

    assert inbox.user_id == "alice"
    assert revisions == [5, 6]


@pytest.mark.parametrize(
    ("roots", "cause"),
    [
        (STRANGER, "CERTIFICATE_VERIFY_FAILED"),
        # As newer and older versions of gRPC say it.
        (AUTHORITY, "Hostname Verification Check failed|is not in peer certificate"),
    ],
    ids=["an authority that is not trusted", "another host's certificate"],
)
async def test_a_server_that_proves_nothing_is_not_called(
    kind: str, port: int, inbox: ScriptedInbox, roots: trustme.CA, cause: str
) -> None:
    # Not by a name of two addresses: of the other one, that nothing serves, gRPC may tell instead.
    async with make(kind, f"tls://127.0.0.1:{port}", roots.cert_pem.bytes(), 0.5) as client:
        with pytest.raises(DeadlineExceeded, match=cause):
            await client.get_inbox("alice")

    assert inbox.unary_peers == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_authorities_of_the_system_are_trusted_by_default(
    kind: str, port: int, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "01234567.0"
    AUTHORITY.cert_pem.write_to_path(str(file))
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv(variable, str(file if variable == "SSL_CERT_FILE" else tmp_path))

    async with make(kind, f"tls://localhost:{port}") as client:
        inbox = await client.get_inbox("alice")

    assert inbox.user_id == "alice"
