"""The lines of stdin as they come, in bounded memory."""

import asyncio
import codecs
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Semaphore, Thread

import typer

# More than any message may have as JSON.
LINE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16
# How many chunks may wait: together as much as a line may have.
_CHUNKS = LINE_BYTES // _CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `text` is None where it is longer than `LINE_BYTES`."""

    number: int
    text: bytes | None


async def lines() -> AsyncIterator[list[Line]]:
    """What is there of stdin, again and again: the lines that end in it.

    Raises:
        typer.BadParameter: stdin cannot be read.
    """
    split = Splitting()
    try:
        chunks = _Chunks(sys.stdin.fileno())
        while chunk := await chunks.there():
            yield list(split.take(chunk))
    except (AttributeError, OSError, ValueError):  # there is none, or it is a directory
        raise typer.BadParameter("stdin cannot be read.", param_hint="'-'") from None
    yield list(split.end())


class Splitting:
    """Cuts what is read into lines; of one that is too long, no more than its number is held.

    The byte order mark that some programs begin with is none of the first line.
    """

    def __init__(self) -> None:
        self._number = 0
        self._begun = bytearray()
        self._too_long = False

    def take(self, chunk: bytes) -> Iterator[Line]:
        """The lines that end in what was read next."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._add(end)
            yield self._cut()
        self._add(rest)

    def end(self) -> Iterator[Line]:
        """What was left without an end, if anything."""
        if self._begun or self._too_long:
            yield self._cut()

    def _add(self, part: bytes) -> None:
        if len(self._begun) + len(part) > LINE_BYTES:
            self._too_long = True
            self._begun.clear()
        elif not self._too_long:
            self._begun += part

    def _cut(self) -> Line:
        self._number += 1
        if self._number == 1:
            self._begun = self._begun.removeprefix(codecs.BOM_UTF8)
        line = Line(self._number, None if self._too_long else bytes(self._begun))
        self._begun.clear()
        self._too_long = False
        return line


class _Chunks:
    """Reads ahead in a thread: of a file, a pipe and a terminal only that can be awaited alike.

    Nothing waits for the thread at the end: it may wait for stdin for ever.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._room = Semaphore(_CHUNKS)
        self._read: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        Thread(target=self._read_on, daemon=True).start()

    async def there(self) -> bytes:
        """All that was read and not given yet, once there is something; empty at the end."""
        chunks = [await self._next()]
        while chunks[-1] and not self._read.empty():
            chunks.append(await self._next())
        if len(chunks) > 1 and not chunks[-1]:
            self._read.put_nowait(b"")
        return b"".join(chunks)

    async def _next(self) -> bytes:
        chunk = await self._read.get()
        self._room.release()
        if isinstance(chunk, OSError):
            raise chunk
        return chunk

    def _read_on(self) -> None:
        chunk: bytes | OSError = b"."
        with suppress(RuntimeError):  # the loop is closed: nobody wants more
            while chunk and not isinstance(chunk, OSError):
                self._room.acquire()
                try:
                    chunk = os.read(self._descriptor, _CHUNK_BYTES)
                except OSError as problem:
                    chunk = problem
                self._loop.call_soon_threadsafe(self._read.put_nowait, chunk)
