"""The output of a command: text, with colours on a terminal, or JSON, one object a line."""

import asyncio
import errno
import os
import stat
import sys
from collections.abc import Iterable
from datetime import tzinfo
from io import StringIO, TextIOWrapper
from typing import TextIO

import typer
from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text

from tocsin_client.cli import json_numbers
from tocsin_client.cli.entry_lines import Entry
from tocsin_client.cli.sanitizing import plain

# The width of a terminal that does not tell its own.
_WIDTH = 80


class Output:
    """Standard output; every line is flushed.

    Writing raises typer.TyperException if stdout cannot be written, and BrokenPipeError if nobody
    reads it any more.

    Attributes:
        as_json: Whether to print messages as JSON instead of text.
        zone: The time zone of the times in text; None is the local one.
    """

    def __init__(self, *, as_json: bool, zone: tzinfo | None = None) -> None:
        self.as_json = as_json
        self.zone = zone
        self._outlives = False
        self._unread = False
        # None if the program was started without a stdout.
        self._file: TextIO | None = sys.stdout
        if isinstance(self._file, TextIOWrapper):
            # A character that the terminal's encoding lacks is escaped, and is no error.
            self._file.reconfigure(errors="backslashreplace")
        # The console renders, and this class writes, so that it can report failures. Colours are for a
        # terminal; elsewhere FORCE_COLOR decides.
        self._on_terminal = self._file is not None and self._file.isatty()
        self._rendered = StringIO()
        self._console = Console(file=self._rendered, force_terminal=self._on_terminal or None)
        if not self._console.width:
            # COLUMNS=0 means an unknown width; rich would render nothing.
            self._console.width = _WIDTH

    def messages(self, messages: Iterable[Message]) -> None:
        """Writes messages in Protobuf's JSON mapping, one a line."""
        for message in messages:
            # Everything but ASCII is escaped, so nothing can steer a terminal.
            self._write(json_numbers.dump(message) + "\n")

    def lines(self, lines: Iterable[Text]) -> None:
        """Writes lines of text; a terminal may wrap them."""
        for line in lines:
            self._console.print(line, soft_wrap=True)
            self._write(self._rendered.getvalue())
            self._rendered.seek(0)
            self._rendered.truncate()

    def entries(self, entries: Iterable[Entry]) -> None:
        """Writes entries of a list: wrapped to the width of a terminal, elsewhere a line each."""
        for entry in entries:
            if self._on_terminal:
                self.lines(entry.lines(self._console.width))
            else:
                self.lines([entry.line()])

    def note(self, text: str) -> None:
        """Writes a line to stderr, unless it is closed."""
        if sys.stderr is None:  # print would take stdout instead
            return
        print(f"tocsin: {plain(text)}", file=sys.stderr, flush=True)  # noqa: T201  # a program speaks

    def leave_with_the_reader(self) -> None:
        """Cancels the current task when nobody reads a piped stdout any more.

        Writing a line would notice it, too, but a command may have no line to write for hours.
        """
        task = asyncio.current_task()
        if task is None or self._file is None:
            return
        descriptor = self._file.fileno()
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return
        loop = asyncio.get_running_loop()

        def leave() -> None:
            loop.remove_reader(descriptor)
            task.cancel()

        # The writing end of a pipe counts as readable once it has no reader.
        loop.add_reader(descriptor, leave)

    def outlive_the_reader(self) -> None:
        """Makes writing do nothing, and not fail, when nobody reads stdout any more."""
        self._outlives = True

    def _write(self, text: str) -> None:
        if self._unread:
            return
        if self._file is None:
            raise typer.TyperException(f"cannot write to stdout: {os.strerror(errno.EBADF)}")
        try:
            self._file.write(text)
            self._file.flush()
        except BrokenPipeError:
            if not self._outlives:
                raise
            self._unread = True
        except OSError as failure:
            raise typer.TyperException(f"cannot write to stdout: {failure.strerror}") from None
