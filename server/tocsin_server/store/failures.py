"""What a driver reports, as errors of the domain: nothing else leaves the store."""

from logging import getLogger
from sqlite3 import SQLITE_FULL, SQLITE_IOERR_WRITE
from sqlite3 import Error as SqliteError
from sqlite3 import IntegrityError as SqliteIntegrityError
from sqlite3 import ProgrammingError as SqliteProgrammingError

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tocsin_server.domain.errors import StorageFull, StoreUnavailable, TocsinError

logger = getLogger(__name__)


DATABASE_ERRORS = (SQLAlchemyError, SqliteError)
"""What a database reports: through SQLAlchemy, or itself where it is spoken to directly."""


class CannotOpen(Exception):
    """The database cannot be opened; the text says why, in one line."""


def translate(error: Exception) -> TocsinError:
    """Returns the domain's error for the database's, which goes to the log."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, (SqliteIntegrityError, SqliteProgrammingError)):
        logger.error("the database was misused", exc_info=error)
        return TocsinError()
    code = getattr(original, "sqlite_errorcode", None)
    failure: TocsinError
    failure = StorageFull() if code in (SQLITE_FULL, SQLITE_IOERR_WRITE) else StoreUnavailable()
    logger.error("the database failed", exc_info=error, extra={"reason": failure.reason})
    return failure
