"""The program, with a signal right before the N-th thing that it does to the files of a directory."""

import os
import signal
import sys
from itertools import count

from tocsin_server.cli import run

EVENTS = {"open", "os.chmod", "os.link", "os.remove", "os.rename", "sqlite3.connect"}

_signal, _number, _directory, *_arguments = sys.argv[1:]
_done = count(1)


def _die(event: str, arguments: tuple[object, ...]) -> None:
    if event in EVENTS and _directory in str(arguments[0]) and next(_done) == int(_number):
        os.kill(os.getpid(), signal.Signals[_signal])


sys.addaudithook(_die)
sys.exit(run(_arguments))
