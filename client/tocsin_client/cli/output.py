"""What a command says: text for people, coloured on a terminal, or JSON, one object a line."""

import asyncio
import os
import stat
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from typing import TextIO

import typer
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console
from rich.text import Text


class Output:
    """Standard output, in which every line leaves at once.

    Writing raises BrokenPipeError once the reader is gone, and typer.TyperException where nothing
    can be written.

    Attributes:
        as_json: Whether messages are asked for, not text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # None where the program was started without one.
        self._file: TextIO | None = sys.stdout
        if isinstance(self._file, TextIOWrapper):
            # A character that the terminal's encoding lacks must not end the program.
            self._file.reconfigure(errors="backslashreplace")
        self._console = Console()

    def messages(self, messages: Iterable[Message]) -> None:
        """Writes messages in Protobuf's JSON mapping, one a line."""
        for message in messages:
            # What is not ASCII is escaped, and so is whatever would steer a terminal.
            self._write(MessageToJson(message, indent=None) + "\n")

    def lines(self, lines: Iterable[Text]) -> None:
        """Writes lines of text; a terminal may wrap them."""
        for line in lines:
            with self._console.capture() as rendered:
                self._console.print(line, soft_wrap=True)
            self._write(rendered.get())

    def note(self, text: str) -> None:
        """Writes a line on stderr, beside what was asked for."""
        print(f"tocsin: {text}", file=sys.stderr, flush=True)  # noqa: T201  # a program speaks

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

    def _write(self, text: str) -> None:
        if self._file is None:
            raise typer.TyperException("cannot write to stdout: it is closed")
        try:
            self._file.write(text)
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as problem:
            reason = problem.strerror
            raise typer.TyperException(f"cannot write to stdout: {reason}") from None
