"""THE table: the domain's errors as status codes, and how they travel."""

from collections.abc import Sequence

from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from tocsin.v1.error_reason_pb2 import ErrorReason
from tocsin.v1.item_error_pb2 import FieldViolation, ItemError

from tocsin_server.domain import errors
from tocsin_server.rpc.responses import duration

DOMAIN = "tocsin"

CODES: Sequence[tuple[type[errors.TocsinError], StatusCode]] = (
    (errors.Invalid, StatusCode.INVALID_ARGUMENT),
    (errors.NotFound, StatusCode.NOT_FOUND),
    (errors.AlreadyExists, StatusCode.ALREADY_EXISTS),
    (errors.Aborted, StatusCode.ABORTED),
    (errors.Precondition, StatusCode.FAILED_PRECONDITION),
    (errors.Exhausted, StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable, StatusCode.UNAVAILABLE),
    (errors.TocsinError, StatusCode.INTERNAL),
)
"""The code of each branch of the tree; the first that fits holds."""


def code(error: errors.TocsinError) -> StatusCode:
    """Returns the status code of an error."""
    return next(code for branch, code in CODES if isinstance(error, branch))


def status(error: errors.TocsinError) -> Status:
    """Returns an error as it travels: code, text, and details.

    The details are one ErrorInfo, a BadRequest for invalid fields, and a
    RetryInfo where trying again helps.
    """
    details: list[ErrorInfo | BadRequest | RetryInfo] = [
        ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    ]
    if isinstance(error, errors.FieldsInvalid):
        details.append(
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(
                        field=violation.field,
                        description=violation.description,
                        reason=violation.reason,
                    )
                    for violation in error.violations
                ]
            )
        )
    if error.retry_after is not None:
        details.append(RetryInfo(retry_delay=duration(error.retry_after)))
    packed = []
    for detail in details:
        any_proto = AnyProto()
        any_proto.Pack(detail)
        packed.append(any_proto)
    return Status(code=code(error).value[0], message=str(error), details=packed)


def item_error(error: errors.TocsinError) -> ItemError:
    """Returns an error as it stands in the results of a batch."""
    violations = error.violations if isinstance(error, errors.FieldsInvalid) else ()
    return ItemError(
        code=code(error).value[0],
        reason=ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        message=str(error),
        metadata=error.metadata,
        violations=[
            FieldViolation(field=violation.field, description=violation.description)
            for violation in violations
        ],
    )
