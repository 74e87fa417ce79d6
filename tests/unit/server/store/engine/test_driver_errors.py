import logging
import sqlite3

import pytest
from sqlalchemy.exc import ArgumentError, OperationalError
from tocsin_server.domain.model.errors import StorageFull, StoreUnavailable, TocsinError
from tocsin_server.store.engine.driver_errors import translate


def reported(code: int) -> OperationalError:
    """What SQLAlchemy raises for an error of the driver."""
    driver = sqlite3.OperationalError("secret text of the driver")
    driver.sqlite_errorcode = code
    return OperationalError("SELECT secret", {}, driver)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_IOERR_WRITE, StorageFull),
        (sqlite3.SQLITE_IOERR_READ, StoreUnavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreUnavailable),
        (sqlite3.SQLITE_BUSY, StoreUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
        (sqlite3.SQLITE_LOCKED, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT, StoreUnavailable),
        (sqlite3.SQLITE_READONLY, StoreUnavailable),
    ],
)
def test_a_drivers_error_is_one_of_the_domain_and_says_nothing_of_the_driver(
    code: int, expected: type[TocsinError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        translated = translate(reported(code))

    assert type(translated) is expected
    assert "secret" not in str(translated)
    assert "secret" in caplog.text


def test_an_error_of_no_driver_is_unavailable() -> None:
    assert type(translate(ArgumentError("of SQLAlchemy itself"))) is StoreUnavailable


@pytest.mark.parametrize("misuse", [sqlite3.IntegrityError, sqlite3.ProgrammingError])
def test_a_misused_database_is_a_defect_that_no_repeat_heals(misuse: type[sqlite3.Error]) -> None:
    assert type(translate(misuse("secret"))) is TocsinError
