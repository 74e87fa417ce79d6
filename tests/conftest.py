"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.postgres import Postgres, running
from tests.support.serving import database
from tests.support.signals import default_in_programs

default_in_programs()

pytest_plugins = ["tests.support.excusing"]


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
