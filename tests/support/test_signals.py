"""A caller that ignores signals, as a job runner does, changes nothing for programs under test."""

import subprocess
import sys

import pytest

_PROGRAM = """
import os, signal, subprocess, sys

from tests.support.signals import default_in_programs

number = getattr(signal, sys.argv[1])
signal.signal(number, signal.SIG_IGN)
default_in_programs()
ended = subprocess.run([sys.executable, "-c", "import os, sys; os.kill(os.getpid(), int(sys.argv[1]))", str(int(number))], stderr=subprocess.DEVNULL)
print(ended.returncode == -number)
os.kill(os.getpid(), number)
print("goes on")
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGQUIT"])
def test_an_ignored_signal_ends_a_program_and_not_the_one_that_started_it(number: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, number], capture_output=True, text=True, check=True
    )

    assert ended.stdout.splitlines() == ["True", "goes on"]
