"""A pooler of connections to PostgreSQL that passes no settings on, as some are configured to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import make_url

_PROTOCOL = (3 << 16).to_bytes(4, "big")
_KEPT = {b"application_name", b"user", b"database"}
"""As PgBouncer keeps them with `ignore_startup_parameters`."""


@asynccontextmanager
async def dropping_settings(url: str) -> AsyncIterator[str]:
    """Pools the connections to a database while the context lasts; gives the URL of the pooler.

    Of a startup message only the names of the user, the database and the application get through.
    """
    target = make_url(url)
    folder = target.query.get("host", "")
    assert isinstance(folder, str)
    links: set[asyncio.Task[None]] = set()

    def connect() -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if folder:
            return asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{target.port or 5432}")
        return asyncio.open_connection(target.host, target.port or 5432)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        links.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            size = int.from_bytes(await reader.readexactly(4), "big")
            startup = await reader.readexactly(size - 4)
            if startup[:4] != _PROTOCOL:  # a request for encryption: no
                writer.write(b"N")
                size = int.from_bytes(await reader.readexactly(4), "big")
                startup = await reader.readexactly(size - 4)
            words = startup[4:].rstrip(b"\0").split(b"\0")
            kept = [
                word
                for name, value in zip(words[::2], words[1::2], strict=True)
                if name in _KEPT
                for word in (name, value)
            ]
            body = _PROTOCOL + b"\0".join(kept) + b"\0\0"
            upstream_reader, upstream_writer = await connect()
            upstream_writer.write((len(body) + 4).to_bytes(4, "big") + body)
            await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        pooled = target.set(host=host, port=port).difference_update_query(["host", "port"])
        yield pooled.render_as_string(hide_password=False)
    finally:
        server.close()
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
