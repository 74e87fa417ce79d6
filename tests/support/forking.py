"""Programs that start without their imports: forked from a Python that has imported them.

What a program imports takes most of the time that it runs in a test: a third of a second for
`tocsin`, a whole one for the server. A forked process is a process as any other: it has its own
id, memory, signals, streams, folder and environment, and is a child of the tests' process.

Started afresh are commands that are no Python, those of a shell, and those whose environment
changes what happens before a program's first line.
"""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support import fork_server

# Those that the programs import before their first line, and those that they import later.
_CLIENT = (
    *("tocsin_client.cli.program", "tocsin_client._client", "tocsin_client._async_client"),
    *("google.protobuf.json_format", "typer._adapters", "zoneinfo"),
)
_SERVER = (
    *("tocsin_server.cli", "tocsin_server.store.engine.sqlite", "aiosqlite", "logging.config"),
    *("tocsin_client._client", "tocsin_client._async_client"),
)
_TOCSIN = str(Path(sys.executable).with_name("tocsin"))
_READ_AT_START = ("GRPC_", "LANG", "LC_", "LD_", "MALLOC_", "PYTHON")
_FORK_SECONDS = 60.0
_PR_SET_CHILD_SUBREAPER = 36

_one_at_a_time = Lock()
"""Held while a process is forked: a fork server answers one request, and a process has one reaper."""

_execute = subprocess.Popen._execute_child  # type: ignore[attr-defined]  # no stubs for what is private


class ForkServer:
    """A process that has imported modules; started with the first fork."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, request: Mapping[str, object], streams: Sequence[int]) -> tuple[int, float]:
        """Forks a process for a request, with these as its standard streams.

        Returns its id, and the processor seconds that the fork server used since the last fork.
        """
        body = json.dumps(request).encode()
        length = len(body).to_bytes(fork_server.LENGTH_BYTES)
        with _one_at_a_time, _subreaper():
            control = self._control or self._start()
            socket.send_fds(control, [length], streams)
            control.sendall(body)
            process_id, seconds = json.loads(control.recv(1 << 10))
        return process_id, seconds

    def close(self) -> None:
        """Ends the process."""
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()
            self._control = self._process = None

    def _start(self) -> socket.socket:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_FORK_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, fork_server.__file__, str(theirs.fileno()), *self._modules],
                env=os.environ | {"GRPC_VERBOSITY": "NONE"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return self._control


class Forking:
    """The fork servers of a run.

    Attributes:
        processor_seconds: what they used until the last fork.
    """

    def __init__(self) -> None:
        self._client = ForkServer(_CLIENT)
        self._server = ForkServer(_SERVER)
        self._contexts: list[bool] = []
        """Of each context that lasts, whether snippets are forked."""
        self.processor_seconds = 0.0

    @contextmanager
    def on(self, *, snippets: bool = False) -> Iterator[None]:
        """Has `subprocess` and asyncio fork the programs that they start meanwhile.

        Also those of `python -c` with `snippets`, which find the client imported.
        """
        # Contexts of several tasks may overlap: the last one that ends undoes it.
        self._contexts.append(snippets)
        subprocess.Popen._execute_child = _fork_or_execute  # type: ignore[attr-defined]
        try:
            yield
        finally:
            self._contexts.remove(snippets)
            if not self._contexts:
                subprocess.Popen._execute_child = _execute  # type: ignore[attr-defined]

    def close(self) -> None:
        """Ends the fork servers."""
        self._client.close()
        self._server.close()

    def start(
        self,
        popen: Any,  # noqa: ANN401  # a Popen, whose private parts are used
        args: Any,  # noqa: ANN401  # a command in any form
        executable: Any,  # noqa: ANN401
        preexec_fn: Any,  # noqa: ANN401
        close_fds: bool,
        pass_fds: tuple[int, ...],
        cwd: Any,  # noqa: ANN401
        env: Mapping[str, str] | None,
        startupinfo: object,
        creationflags: int,
        shell: bool,
        *rest: Any,  # noqa: ANN401
    ) -> None:
        """Starts a program in the place of `Popen._execute_child`, whose arguments it has."""
        p2cread, _, _, c2pwrite, _, errwrite, _, _, _, _, _, new_session, _ = rest
        environment = os.environ if env is None else env
        command = None if shell or pass_fds or preexec_fn else _of_python(args, environment)
        if command is None or (command[0] == "-c" and True not in self._contexts):
            _execute(
                *(popen, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo),
                *(creationflags, shell, *rest),
            )
            return
        request = {
            "command": command,
            "directory": None if cwd is None else os.fsdecode(cwd),
            "environment": dict(environment),
            "new_session": new_session,
        }
        pipes = (p2cread, c2pwrite, errwrite)
        streams = [inherited if pipe == -1 else pipe for inherited, pipe in enumerate(pipes)]
        server = self._client if command[0] in {_TOCSIN, "-c"} else self._server
        popen.pid, seconds = server.fork(request, streams)
        self.processor_seconds += seconds
        popen._child_created = True
        popen._close_pipe_fds(*rest[:6])


FORKING = Forking()
"""The fork servers of this process."""


def _fork_or_execute(popen: Any, *arguments: Any) -> None:  # noqa: ANN401  # as subprocess calls it
    FORKING.start(popen, *arguments)


def _of_python(args: Any, environment: Mapping[str, str]) -> list[str] | None:  # noqa: ANN401
    """Returns what Python runs in a command: a script, `-m` or `-c`, and arguments; or None."""
    if isinstance(args, (str, bytes, os.PathLike)) or sys.platform != "linux":
        return None
    if _settings(environment) != _settings(os.environ):
        return None
    command = [os.fsdecode(each) for each in args]
    if command[0] == _TOCSIN:
        return command
    if command[0] == sys.executable and (command[1] in {"-c", "-m"} or command[1].endswith(".py")):
        return command[1:]
    return None


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


@contextmanager
def _subreaper() -> Iterator[None]:
    """Makes this process the parent of those below it that lose theirs."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
