"""A run in which a test was skipped fails, whoever ran that test."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import __file__ as support

ROOT = Path(support).parents[2]

EXCUSED = {
    "test_skipped.py": "import pytest\ndef test_it(): pytest.skip('no')\n",
    "test_module.py": "import pytest\npytest.skip('no', allow_module_level=True)\n",
    "test_expected.py": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n",
}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_did_not_run_fails_the_run(tmp_path: Path, workers: str) -> None:
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests/conftest.py").read_bytes())
    (tmp_path / "test_fine.py").write_text("def test_it(): pass\n")
    for name, text in EXCUSED.items():
        (tmp_path / name).write_text(text)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, "--rootdir", tmp_path, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == pytest.ExitCode.TESTS_FAILED, run.stdout
    last = run.stdout.splitlines()[-1]
    assert "3 skipped or xfailed: " in last
    assert all(name in last for name in EXCUSED)
