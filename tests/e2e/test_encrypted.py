"""`tocsin` calls a server behind something that encrypts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trustme

from tests.e2e.command_line import Ended, one_line, run
from tests.e2e.program import Program

AUTHORITY = trustme.CA()


def _trusting(authority: trustme.CA, directory: Path) -> dict[str, str]:
    """The variables by which the program trusts an authority, whomever the system trusts."""
    path = directory / "trusted.pem"
    path.write_bytes(authority.cert_pem.bytes())
    return {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(path)}


@asynccontextmanager
async def _encrypting(program: Program) -> AsyncIterator[str]:
    """The address of a proxy in front of a server, which takes TLS and passes on what it carries."""
    host, _, port = program.target.rpartition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while read := await reader.read(65_536):
                writer.write(read)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(serve, "localhost", 0, ssl=context)
    async with server:
        yield f"tls://localhost:{server.sockets[0].getsockname()[1]}"


async def test_a_server_with_a_trusted_certificate_is_called(
    program: Program, tmp_path: Path
) -> None:
    trusting = _trusting(AUTHORITY, tmp_path)

    async with _encrypting(program) as target:
        listed = await run("channels", "list", TOCSIN_TARGET=target, **trusting)

    assert listed == Ended(0, "marketing-clue  Clues\n", "")


async def test_a_server_with_an_untrusted_certificate_is_not_called(
    program: Program, tmp_path: Path
) -> None:
    trusting = _trusting(trustme.CA(), tmp_path)

    async with _encrypting(program) as target:
        refused = await run(
            "channels", "list", TOCSIN_TARGET=target, TOCSIN_TIMEOUT="1.5", **trusting
        )

    assert target in one_line(refused, 1)
