"""What all tests share; and a run in which a test was skipped or expected to fail fails.

What cannot run must say so.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.postgres import Postgres, running
from tests.support.serving import database

_excused: set[str] = set()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _excused.add(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped or hasattr(report, "wasxfail"):
        _excused.add(report.nodeid)


# Outermost, so that its line closes the terminal's summary.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    yield
    if not _excused:
        return
    if session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if reporter := session.config.pluginmanager.get_plugin("terminalreporter"):
        names = ", ".join(sorted(_excused))
        reporter.write_line(f"FAILED: {len(_excused)} skipped or xfailed: {names}", red=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The run's PostgreSQL."""
    # Not among pytest's own folders, which each of its runs closes to other users.
    with TemporaryDirectory(prefix="tocsin-") as folder, running(Path(folder) / "data") as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A database of the test's own on PostgreSQL, with the whole schema."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, on each of those that the server knows."""
    if request.param == "sqlite":
        return database(tmp_path / "tocsin.db")
    url: str = request.getfixturevalue("postgres_url")
    return url
