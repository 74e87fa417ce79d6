"""What a command says: text for people, coloured on a terminal, or JSON, one object a line."""

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
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text

from tocsin_client.cli.entry_lines import Entry
from tocsin_client.cli.sanitizing import plain

# Where it is not known how wide a terminal is.
_WIDTH = 80


class Output:
    """Standard output, in which every line leaves at once.

    Writing raises typer.TyperException where nothing can be written, BrokenPipeError once the reader
    is gone.

    Attributes:
        as_json: Whether to print messages as JSON instead of text.
        zone: The time zone of the times in text; None is the local one.
    """

    def __init__(self, *, as_json: bool, zone: tzinfo | None = None) -> None:
        self.as_json = as_json
        self.zone = zone
        self._outlives = False
        self._unread = False
        # None where the program was started without one.
        self._file: TextIO | None = sys.stdout
        if isinstance(self._file, TextIOWrapper):
            # A character that the terminal's encoding lacks must not end the program.
            self._file.reconfigure(errors="backslashreplace")
        # It renders and we write, so that what fails is ours to tell. A terminal is what stdout is
        # connected to; without one, FORCE_COLOR decides.
        self._on_terminal = self._file is not None and self._file.isatty()
        self._rendered = StringIO()
        self._console = Console(file=self._rendered, force_terminal=self._on_terminal or None)
        if not self._console.width:
            # COLUMNS=0 says that it is not known; rich would render nothing.
            self._console.width = _WIDTH

    def messages(self, messages: Iterable[Message]) -> None:
        """Writes messages in Protobuf's JSON mapping, one a line."""
        for message in messages:
            # What is not ASCII is escaped, and so is whatever would steer a terminal.
            self._write(MessageToJson(message, indent=None) + "\n")

    def lines(self, lines: Iterable[Text]) -> None:
        """Writes lines of text; a terminal may wrap them."""
        for line in lines:
            self._console.print(line, soft_wrap=True)
            self._write(self._rendered.getvalue())
            self._rendered.seek(0)
            self._rendered.truncate()

    def entries(self, entries: Iterable[Entry]) -> None:
        """Writes entries of a list: on a terminal wrapped to its width, else a line each."""
        for entry in entries:
            if self._on_terminal:
                self.lines(entry.lines(self._console, self._console.width))
            else:
                self.lines([entry.line()])

    def note(self, text: str) -> None:
        """Writes a line on stderr, beside what was asked for."""
        print(f"tocsin: {plain(text)}", file=sys.stderr, flush=True)  # noqa: T201  # a program speaks

    def leave_with_the_reader(self) -> None:
        """Cancels the current task once nobody reads a piped stdout any more.

        The next line would find out, too; this is for who may have none for hours.
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
        """Goes on without a word once nobody reads stdout any more."""
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
