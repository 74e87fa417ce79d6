"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.support.forking import FORKING
from tests.support.memory import memory_folder
from tests.support.postgres import Postgres, running
from tests.support.serving import database
from tests.support.signals import default_in_programs

default_in_programs()

pytest_plugins = ["tests.support.budgets", "tests.support.excusing"]

# Hypothesis would fail a test that a busy machine makes slow.
settings.register_profile("tocsin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tocsin")


def pytest_configure(config: pytest.Config) -> None:
    """Has pytest make the folders of `tmp_path` in memory."""
    if folder := memory_folder():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder))


def pytest_unconfigure() -> None:
    """Ends the fork servers."""
    FORKING.close()


@pytest.fixture
def forked() -> Iterator[None]:
    """Has the programs that a test starts forked from one that has imported their modules."""
    with FORKING.on():
        yield


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own: on the disk for a test that is marked so."""
    if request.node.get_closest_marker("disk") is None:
        yield tmp_path
    else:
        with TemporaryDirectory(prefix="tocsin-") as folder:
            yield Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The run's PostgreSQL."""
    # Not among pytest's own folders, which each of its runs closes to other users.
    with (
        TemporaryDirectory(prefix="tocsin-", dir=memory_folder()) as folder,
        running(Path(folder) / "data") as server,
    ):
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
