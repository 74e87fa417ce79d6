"""A server's system calls, and whether they wrote to disk before they answered.

Reads what `strace -f -y` writes: a call a line, or two lines when another thread's came between,
the first with the arguments it sends, the second with the bytes it received and the result.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

STRACE = (
    *("strace", "-D", "-f", "-y", "-q", "-s", "65536"),
    *("-e", "trace=recvmsg,sendmsg,read,write,writev,pwrite64,fsync,fdatasync"),
)
"""Traces the program that follows, whose process stays the one that was started."""

_LINE = re.compile(r"(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\()")
_FILE = re.compile(r"\(\d+<(?P<file>[^>]*)>")
_UNFINISHED = "<unfinished ...>"
_RESULT = re.compile(r"\) += (?P<result>-?\d+)[^)]*$")

_RECEIVES = {"recvmsg", "read"}
_SENDS = {"sendmsg", "write", "writev"}
_SYNCS = {"fsync", "fdatasync"}


class Kind(Enum):
    """What a system call did."""

    RECEIVED = "received bytes"
    WROTE = "wrote to a file"
    SYNCED = "had a file on disk"
    SENT = "began to send bytes"


@dataclass(frozen=True, slots=True)
class Event:
    """A system call's effect, at the moment from which or up to which it counts."""

    kind: Kind
    file: str
    text: str


def read_events(lines: Iterable[str]) -> Iterator[Event]:
    """Gives the events in their order.

    What is sent counts from the call's beginning, everything else from its end.
    """
    begun: dict[str, str] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        call = match["call"] or match["resumed"]
        if match["call"] and call in _SENDS and (file := _FILE.search(line)) is not None:
            yield Event(Kind.SENT, file["file"], line)
        if line.rstrip().endswith(_UNFINISHED):
            begun[match["thread"]] = line
            continue
        whole = begun.pop(match["thread"], "") + line if match["resumed"] else line
        file, result = _FILE.search(whole), _RESULT.search(line.rstrip())
        if file is None or result is None or int(result["result"]) < 0:
            continue
        if call in _RECEIVES:
            yield Event(Kind.RECEIVED, file["file"], whole)
        elif call == "pwrite64":
            yield Event(Kind.WROTE, file["file"], whole)
        elif call in _SYNCS:
            yield Event(Kind.SYNCED, file["file"], whole)


def not_durable(events: Sequence[Event], names: Iterable[str], file: str) -> list[str]:
    """Tells which requests were answered before what they wrote was on disk.

    A name is a text that a request and its answer carry. Between the two, something must have
    been written to the file, and all of it synced.
    """
    return [name for name in names if not _is_durable(events, name, file)]


def _is_durable(events: Sequence[Event], name: str, file: str) -> bool:
    received = wrote = synced = False
    for event in events:
        if event.kind is Kind.RECEIVED and name in event.text:
            received = True
        elif received and event.kind is Kind.WROTE and event.file == file:
            wrote, synced = True, False
        elif wrote and event.kind is Kind.SYNCED and event.file == file:
            synced = True
        elif received and event.kind is Kind.SENT and name in event.text:
            return synced
    raise ValueError(f"the trace has no request and answer of {name!r}")


@asynccontextmanager
async def collecting(pipe: Path) -> AsyncIterator["asyncio.Task[bytes]"]:
    """Makes a pipe for strace's output; yields a task that returns all of it at the end."""
    os.mkfifo(pipe)
    reader = asyncio.StreamReader()
    # The reading end opens before there is a writer, and has an end only after there was one.
    end = os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), end
    )
    reading = asyncio.create_task(reader.read())
    try:
        yield reading
    finally:
        reading.cancel()
        transport.close()
