"""Translates the errors of database drivers into errors of the domain.

No driver error leaves the store. SQLite's errors carry a code, PostgreSQL's an
SQLSTATE, whose first two characters are its class. asyncpg need not be installed,
so its errors are recognized by the name of their module.
"""

from logging import getLogger
from sqlite3 import SQLITE_BUSY, SQLITE_FULL, SQLITE_IOERR_WRITE
from sqlite3 import Error as SqliteError
from sqlite3 import IntegrityError as SqliteIntegrityError
from sqlite3 import OperationalError as SqliteOperationalError
from sqlite3 import ProgrammingError as SqliteProgrammingError

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tocsin_server.domain.model.errors import StorageFull, StoreUnavailable, TocsinError

logger = getLogger(__name__)

_MISUSE = ("21", "22", "23", "42")
"""The classes cardinality, data, integrity and syntax: the statement or its values are wrong."""

_NOT_ALLOWED = "42501"
"""Insufficient privilege: in the class of syntax, but caused by the database's owner."""

_CONFLICTS = ("40001", "40P01", "23505")
"""Serialization failure, deadlock, and a key that another transaction inserted first."""

_DISK_FULL = "53100"
_LOCKED = "55P03"


class CannotOpen(Exception):
    """The database cannot be opened. The text says why, in one line."""


class Overtaken(Exception):
    """Another transaction stored the answer to the same request first."""


class Replaced(ConnectionError):
    """The store began a new epoch while this server was cut off: start the server again."""


class Pooled(ConnectionError):
    """A pooler between this server and PostgreSQL drops the settings of its connections."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"{detail}: a pooler such as PgBouncer drops the settings of connections; connect to"
            " PostgreSQL itself, or through a pooler that passes startup parameters in session mode"
        )


def is_database_error(error: BaseException) -> bool:
    """Whether the error comes from SQLAlchemy, a driver, or the network."""
    return isinstance(error, (SQLAlchemyError, SqliteError, OSError)) or _is_of_asyncpg(error)


def is_database_failure(error: Exception) -> bool:
    """Whether the database itself failed, whatever the statement was."""
    original = _original(error)
    if isinstance(original, (SqliteError, SQLAlchemyError)):
        return isinstance(original, SqliteOperationalError)
    return is_database_error(original) and not _is_misuse(original)


def is_busy(error: Exception) -> bool:
    """Whether another connection holds SQLite's lock."""
    return getattr(_original(error), "sqlite_errorcode", 0) & 0xFF == SQLITE_BUSY


def is_locked(error: Exception) -> bool:
    """Whether PostgreSQL's wait for a lock timed out; the lock may be that of one row of many."""
    return _sqlstate(_original(error)) == _LOCKED


def is_conflict(error: Exception) -> bool:
    """Whether the transaction conflicted with another one and may succeed when it is repeated."""
    return isinstance(error, Overtaken) or _sqlstate(_original(error)) in _CONFLICTS


def failure(error: Exception) -> Exception:
    """Returns the domain's error for a database error, and any other error unchanged."""
    return translate(error) if is_database_error(error) else error


def translate(error: Exception) -> TocsinError:
    """Logs a database error, and returns the domain's error for it."""
    original = _original(error)
    if _is_misuse(original):
        logger.error("the database was misused", exc_info=error)
        return TocsinError()
    code = getattr(original, "sqlite_errorcode", None)
    full = code in (SQLITE_FULL, SQLITE_IOERR_WRITE) or _sqlstate(original) == _DISK_FULL
    failed: TocsinError = StorageFull() if full else StoreUnavailable()
    # Every write logs this while the failure lasts, so it is one line without a traceback.
    logger.error("the database failed: %s", cause_of(error), extra={"reason": failed.reason})
    return failed


def cause_of(error: BaseException) -> str:
    """Returns the driver's message, in one line."""
    original = _original(error)
    if isinstance(original, Replaced):
        return Replaced.__doc__ or ""
    if "unsupported startup parameter" in str(original):
        return str(Pooled(str(original).partition("\n")[0].lower()))
    if isinstance(original, TimeoutError):
        return "it did not answer in time"
    return str(original).partition("\n")[0] or type(original).__name__


def _original(error: BaseException) -> BaseException:
    """Returns the driver's own error."""
    original = error
    while isinstance(original, DBAPIError) and original.orig is not None:
        original = original.orig
    if not _is_of_asyncpg(original) and _is_of_asyncpg(original.__cause__):
        return original.__cause__ or original
    return original


def _is_of_asyncpg(error: BaseException | None) -> bool:
    return type(error).__module__.partition(".")[0] == "asyncpg"


def _sqlstate(error: BaseException) -> str:
    return getattr(error, "sqlstate", None) or ""


def _is_misuse(original: BaseException) -> bool:
    if isinstance(original, (SqliteIntegrityError, SqliteProgrammingError)):
        return True
    # asyncpg raises ValueError for values that do not fit a column.
    value_error = _is_of_asyncpg(original) and isinstance(original, ValueError)
    state = _sqlstate(original)
    return value_error or (state[:2] in _MISUSE and state != _NOT_ALLOWED)
