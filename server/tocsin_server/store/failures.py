"""What a driver reports, as errors of the domain: nothing else leaves the store."""

from logging import getLogger
from sqlite3 import SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR_WRITE
from sqlite3 import Error as SqliteError
from sqlite3 import IntegrityError as SqliteIntegrityError
from sqlite3 import OperationalError as SqliteOperationalError
from sqlite3 import ProgrammingError as SqliteProgrammingError

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tocsin_server.domain.errors import StorageFull, StoreUnavailable, TocsinError

logger = getLogger(__name__)


DATABASE_ERRORS = (SQLAlchemyError, SqliteError)
"""What a database reports: through SQLAlchemy, or itself where it is spoken to directly."""


class CannotOpen(Exception):
    """The database cannot be opened; the text says why, in one line."""


def is_of_the_database(error: Exception) -> bool:
    """Tells whether the database failed as such, whatever it was asked."""
    return isinstance(_original(error), SqliteOperationalError)


def is_busy(error: Exception) -> bool:
    """Tells whether somebody else holds the lock that was asked for."""
    return getattr(_original(error), "sqlite_errorcode", 0) & 0xFF == SQLITE_BUSY


def translate(error: Exception) -> TocsinError:
    """Returns the domain's error for the database's, which goes to the log."""
    original = _original(error)
    if isinstance(original, (SqliteIntegrityError, SqliteProgrammingError)):
        logger.error("the database was misused", exc_info=error)
        return TocsinError()
    code = getattr(original, "sqlite_errorcode", None)
    failure: TocsinError
    failure = StorageFull() if code in (SQLITE_FULL, SQLITE_IOERR_WRITE) else StoreUnavailable()
    # Every write says so while it lasts: a line each, and no more.
    logger.error("the database failed: %s", original, extra={"reason": failure.reason})
    return failure


def _original(error: Exception) -> BaseException | None:
    """Returns the driver's own error."""
    return error.orig if isinstance(error, DBAPIError) else error
