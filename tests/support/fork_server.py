"""A Python that has imported modules, and forks a process for each command it receives.

It is a program: its arguments are a socket's descriptor and the names of the modules. `forking`
describes the requests.
"""

import gc
import json
import os
import resource
import runpy
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

LENGTH_BYTES = 4
STANDARD_STREAMS = 3


def serve(control: socket.socket) -> dict[str, Any]:
    """Answers requests until the socket is closed; returns in each forked process, with its request."""
    used_before = 0.0
    while True:
        length, streams, *_ = socket.recv_fds(control, LENGTH_BYTES, STANDARD_STREAMS)
        if not length:
            sys.exit()
        body = b""
        while len(body) < int.from_bytes(length):
            if not (part := control.recv(1 << 20)):
                sys.exit()
            body += part
        process_id = _fork_orphan()
        if process_id == 0:
            control.close()
            _adopt(streams)
            request: dict[str, Any] = json.loads(body)
            return request
        for stream in streams:
            os.close(stream)
        used = _processor_seconds()
        control.sendall(json.dumps([process_id, used - used_before]).encode())
        used_before = used


def become(request: dict[str, Any]) -> None:
    """Runs a command as a new Python would."""
    if request["new_session"]:
        os.setsid()
    if request["directory"] is not None:
        os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    command = request["command"]
    if command[0] == "-c":
        _, program, *arguments = command
        sys.argv = ["-c", *arguments]
        sys.path[0] = ""
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    elif command[0] == "-m":
        module, *arguments = command[1:]
        sys.argv = [module, *arguments]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = command
        sys.path[0] = str(Path(command[0]).parent)
        runpy.run_path(command[0], run_name="__main__")


def _fork_orphan() -> int:
    """Forks a process whose parent has ended; returns its id, or 0 in it."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        process_id = os.fork()
        if process_id:
            os.write(writing, process_id.to_bytes(LENGTH_BYTES))
            os._exit(0)
        os.close(reading)
        os.close(writing)
        return 0
    os.close(writing)
    process_id = int.from_bytes(os.read(reading, LENGTH_BYTES))
    os.close(reading)
    os.waitpid(middle, 0)
    return process_id


def _adopt(streams: list[int]) -> None:
    """Makes these descriptors the standard streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = _opened(0, "r", sys.stdin.errors)
    sys.stdout = _opened(1, "w", sys.stdout.errors)
    sys.stderr = _opened(2, "w", sys.stderr.errors)
    sys.stderr.reconfigure(line_buffering=True)


def _opened(number: int, mode: str, errors: str | None) -> Any:  # noqa: ANN401  # text, either way
    return open(number, mode, encoding=sys.stdout.encoding, errors=errors, closefd=False)


def _processor_seconds() -> float:
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        # Another version of a library may be without it.
        with suppress(ModuleNotFoundError):
            import_module(name)
    # A collection in a forked process would copy every page.
    gc.collect()
    gc.freeze()
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
