"""The end of a whole run shows what each suite cost, whichever workers ran it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import budgets

ROOT = Path(__file__).parents[2]

# More than its suite may take, which is nothing.
DEAR = "def test_it(): sum(range(20_000_000))\n"


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_suite_over_its_budget_is_marked_and_fails_nothing(tmp_path: Path, workers: str) -> None:
    for suite, text in {"unit": "def test_it(): pass\n", "unknown": DEAR}.items():
        folder = tmp_path / "tests" / suite
        folder.mkdir(parents=True)
        (folder / f"test_{suite}.py").write_text(text)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", budgets.__name__, "-p", "xdist.plugin"),
            *("-n", workers, "--rootdir", tmp_path),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == pytest.ExitCode.OK, run.stdout
    rows = {line.split()[0]: line for line in run.stdout.splitlines() if line}
    assert rows["unknown"].split()[1] == "1"
    assert rows["unknown"].endswith("OVER BUDGET")
    assert not rows["unit"].endswith("OVER BUDGET")
