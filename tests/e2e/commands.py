"""Commands of the server that end by themselves: their output and exit codes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.program import START_SECONDS, environment

# The superuser may write what is read-only, unless it gives up CAP_DAC_OVERRIDE (1) by dropping it
# (PR_CAPBSET_DROP, 24) from what programs may have.
_AS_ANYBODY = """
import ctypes, os, sys
if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(24, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
"""
AS_ANYBODY = (sys.executable, "-c", _AS_ANYBODY)
"""Put in front of a command: permissions of files hold for root, too."""

PROGRAM = (sys.executable, "-m", "tocsin_server")
DYING = (sys.executable, str(Path(__file__).with_name("dying_program.py")))


def complaint_of(command: Sequence[str], directory: Path, **variables: str) -> str:
    """Runs the program, which must fail; returns its one line on stderr."""
    ended = run(command, directory, **variables)
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert ended.returncode == 2
    return lines[0]


def run(
    command: Sequence[str], directory: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def with_room(command: Sequence[str], kibibytes: int) -> Sequence[str]:
    """Returns the command with a limit for the size of its files: a full disk."""
    return ["bash", "-c", f'ulimit -f {kibibytes}; exec "$@"', "bash", *command]
