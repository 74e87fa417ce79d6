"""Reads lines of stdin as soon as they are there, in bounded memory."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Semaphore, Thread

import typer

# More than any message has as JSON.
LINE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
# How many chunks are read ahead: together as much as the longest line.
_CHUNKS = LINE_BYTES // _CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `text` is None where it is longer than `LINE_BYTES`."""

    number: int
    text: bytes | None


async def lines() -> AsyncIterator[list[Line]]:
    """Yields, again and again, the lines that are there.

    Raises:
        typer.BadParameter: stdin cannot be read.
    """
    splitter = LineSplitter()
    try:
        chunks = _Chunks(sys.stdin.fileno())
        while chunk := await chunks.read():
            yield list(splitter.take(chunk))
    except (AttributeError, OSError, ValueError):  # no stdin, or a directory
        raise typer.BadParameter("stdin cannot be read.", param_hint="'-'") from None
    yield list(splitter.end())


class LineSplitter:
    """Splits chunks of bytes into lines, and drops the text of a line that is too long.

    A byte order mark at the start is no part of the first line.
    """

    def __init__(self) -> None:
        self._number = 0
        self._line = bytearray()
        self._too_long = False

    def take(self, chunk: bytes) -> Iterator[Line]:
        """Adds a chunk, and yields the lines that end in it."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            yield self._cut()
        self._add(rest)

    def end(self) -> Iterator[Line]:
        """Yields the last line, if it has no line break."""
        if self._line or self._too_long:
            yield self._cut()

    def _add(self, part: bytes) -> None:
        if len(self._line) + len(part) > LINE_BYTES:
            self._too_long = True
            self._line.clear()
        elif not self._too_long:
            self._line += part

    def _cut(self) -> Line:
        self._number += 1
        if self._number == 1:
            self._line = self._line.removeprefix(codecs.BOM_UTF8)
        line = Line(self._number, None if self._too_long else bytes(self._line))
        self._line.clear()
        self._too_long = False
        return line


class _Chunks:
    """Reads stdin ahead in a thread, which works for files, pipes and terminals.

    The thread is a daemon: at the end it may still wait for stdin.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._room = Semaphore(_CHUNKS)
        self._chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        Thread(target=self._read_ahead, daemon=True).start()

    async def read(self) -> bytes:
        """Waits for the next chunk, and returns all that are there; nothing at the end."""
        chunks = [await self._next()]
        while chunks[-1] and not self._chunks.empty():
            chunks.append(await self._next())
        if len(chunks) > 1 and not chunks[-1]:
            self._chunks.put_nowait(b"")
        return b"".join(chunks)

    async def _next(self) -> bytes:
        chunk = await self._chunks.get()
        self._room.release()
        if isinstance(chunk, OSError):
            raise chunk
        return chunk

    def _read_ahead(self) -> None:
        chunk: bytes | OSError = b"."
        with suppress(RuntimeError):  # the loop is closed
            while chunk and not isinstance(chunk, OSError):
                self._room.acquire()
                try:
                    chunk = os.read(self._descriptor, _CHUNK_BYTES)
                except OSError as problem:
                    chunk = problem
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
