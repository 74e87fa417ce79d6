"""A forked program is a process as if it had been started, and finds its modules imported."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.support.forking import FORKING

_SHOW = """
import json, os, sys, time
print(json.dumps({
    "arguments": sys.argv[1:],
    "environment": os.environ.get("TOCSIN_TARGET"),
    "folder": os.getcwd(),
    "imported": "tocsin_client.cli.program" in sys.modules,
    "input": sys.stdin.read(),
    "own group": os.getsid(0) == os.getpid(),
    "parent": os.getppid(),
    "zone": time.tzname[0],
}))
print("an error", file=sys.stderr)
sys.exit(3)
"""


def test_it_has_its_own_arguments_environment_folder_streams_and_exit_code(tmp_path: Path) -> None:
    with FORKING.on(snippets=True):
        ended = subprocess.run(
            [sys.executable, "-c", _SHOW, "ü", b"\xff"],
            input="a line",
            capture_output=True,
            check=False,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"TOCSIN_TARGET": "nowhere", "TZ": "XXX-1"},
            start_new_session=True,
        )

    assert json.loads(ended.stdout) == {
        "arguments": ["ü", "\udcff"],
        "environment": "nowhere",
        "folder": str(tmp_path),
        "imported": True,
        "input": "a line",
        "own group": True,
        "parent": os.getpid(),
        "zone": "XXX",
    }
    assert (ended.returncode, ended.stderr) == (3, "an error\n")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_ends_it(number: signal.Signals) -> None:
    with (
        FORKING.on(snippets=True),
        subprocess.Popen(
            [sys.executable, "-c", "print(1, flush=True); input()"], stdin=PIPE, stdout=PIPE
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        process.send_signal(number)

        assert process.wait() == -number


@pytest.mark.parametrize(
    ("code", "variables"), [("-c", {"PYTHONSAFEPATH": "1"}), ("-Ic", {})], ids=["setting", "flag"]
)
def test_what_python_reads_at_its_start_has_a_python_started(
    code: str, variables: dict[str, str]
) -> None:
    with FORKING.on(snippets=True):
        ended = subprocess.run(
            [sys.executable, code, "import sys; print('tocsin_client' in sys.modules)"],
            capture_output=True,
            check=True,
            text=True,
            env=os.environ | variables,
        )

    assert ended.stdout == "False\n"


def test_contexts_that_overlap_leave_nothing_behind() -> None:
    started = subprocess.Popen._execute_child  # type: ignore[attr-defined]  # it is private
    first, second = FORKING.on(snippets=True), FORKING.on(snippets=True)
    first.__enter__()
    second.__enter__()

    first.__exit__(None, None, None)
    assert subprocess.Popen._execute_child is not started  # type: ignore[attr-defined]
    second.__exit__(None, None, None)

    assert subprocess.Popen._execute_child is started  # type: ignore[attr-defined]
