"""What the Makefile does with its variables."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("on", "environment"),
    [
        ("3.13", ".venv-on-python3.13"),
        ("python3.13", ".venv-on-python3.13"),
        ("/opt/bin/python3.13", ".venv-on-python3.13"),
        ("python3", ".venv-on-python3"),
        ("/opt/bin/pypy", ".venv-on-pypy"),
    ],
)
def test_another_python_is_a_version_a_command_or_a_path(on: str, environment: str) -> None:
    printed = _make("--dry-run", "--always-make", "test-python", f"ON={on}")

    assert printed.returncode == 0, printed.stderr
    assert f" --python {on} {environment}\n" in printed.stdout
    assert f"\n{environment}/bin/pytest " in printed.stdout


def test_without_another_python_one_line_says_how_to_name_it() -> None:
    ended = _make("--no-print-directory", "--silent", "test-python", "ON=")

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == (
        "which Python? ON=3.13, a command such as ON=python3.13, or a path"
    )
