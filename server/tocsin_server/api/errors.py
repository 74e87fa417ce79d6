"""The domain's errors as status codes, and as items of a batch."""

from collections.abc import Sequence

from google.rpc import code_pb2
from google.rpc.code_pb2 import Code
from tocsin.v1.error_reason_pb2 import ErrorReason
from tocsin.v1.item_error_pb2 import FieldViolation, ItemError

from tocsin_server.domain.model import errors

DOMAIN = "tocsin"


CODES: Sequence[tuple[type[errors.TocsinError], Code.ValueType]] = (
    (errors.Invalid, code_pb2.INVALID_ARGUMENT),
    (errors.NotFound, code_pb2.NOT_FOUND),
    (errors.AlreadyExists, code_pb2.ALREADY_EXISTS),
    (errors.Aborted, code_pb2.ABORTED),
    (errors.Precondition, code_pb2.FAILED_PRECONDITION),
    (errors.Exhausted, code_pb2.RESOURCE_EXHAUSTED),
    (errors.Unavailable, code_pb2.UNAVAILABLE),
    (errors.TocsinError, code_pb2.INTERNAL),
)
"""The code of each branch of the tree; the first that fits holds."""


_DETAILS_BYTES = 6_000
"""How much of a call's trailers the details of an error may take, and some room.

Above 8 KiB trailers may not reach the client.
"""


def bounded(error: errors.TocsinError) -> errors.TocsinError:
    """Returns an error that fits the trailers of a call: at least its first violation is named.

    A field's name travels three times, a description twice; bytes that are not
    ASCII are escaped threefold.
    """
    if not isinstance(error, errors.FieldsInvalid):
        return error
    room = _DETAILS_BYTES
    for count, violation in enumerate(error.violations):
        characters, size = len(violation.description), len(violation.description.encode())
        room -= 6 * len(violation.field.encode()) + 3 * characters + 7 * (size - characters) + 60
        if room < 0:
            named = max(count, 1)
            return errors.FieldsInvalid(error.violations[:named], len(error.violations) - named)
    return error


def code(error: errors.TocsinError) -> Code.ValueType:
    """Returns the status code of an error."""
    return next(code for branch, code in CODES if isinstance(error, branch))


def item_error(error: errors.TocsinError) -> ItemError:
    """Returns an error as it stands in the results of a batch."""
    error = bounded(error)
    violations = error.violations if isinstance(error, errors.FieldsInvalid) else ()
    return ItemError(
        code=code(error),
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=str(error),
        metadata=error.metadata,
        violations=[
            FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ],
    )
