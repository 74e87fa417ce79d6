import logging
import sqlite3

import pytest
from sqlalchemy.exc import ArgumentError, OperationalError
from tocsin_server.domain.model.errors import StorageFull, StoreUnavailable, TocsinError
from tocsin_server.store.engine.driver_errors import translate


def reported(code: int) -> OperationalError:
    """The error that SQLAlchemy raises for an error of the driver."""
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
def test_a_driver_error_becomes_an_error_of_the_domain_without_the_drivers_text(
    code: int, expected: type[TocsinError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        translated = translate(reported(code))

    assert type(translated) is expected
    assert "secret" not in str(translated)
    assert "secret" in caplog.text


def test_an_error_without_a_driver_error_is_unavailable() -> None:
    assert type(translate(ArgumentError("of SQLAlchemy itself"))) is StoreUnavailable


@pytest.mark.parametrize("misuse", [sqlite3.IntegrityError, sqlite3.ProgrammingError])
def test_a_misused_database_is_an_internal_error(misuse: type[sqlite3.Error]) -> None:
    assert type(translate(misuse("secret"))) is TocsinError
