"""A run in which a test was skipped fails, in whichever worker it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import excusing

ROOT = Path(__file__).parents[2]

EXCUSED = {
    "test_skipped.py": "import pytest\ndef test_it(): pytest.skip('no')\n",
    "test_module.py": "import pytest\npytest.skip('no', allow_module_level=True)\n",
    "test_expected.py": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n",
}


def test_runs_of_this_project_are_such(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.is_registered(excusing)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_did_not_run_fails_the_run(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_fine.py").write_text("def test_it(): pass\n")
    for name, text in EXCUSED.items():
        (tmp_path / name).write_text(text)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", excusing.__name__, "-p", "xdist.plugin"),
            *("-n", workers, "--rootdir", tmp_path, tmp_path),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    last = run.stdout.splitlines()[-1]
    assert "3 skipped or xfailed: " in last
    assert all(name in last for name in EXCUSED)
