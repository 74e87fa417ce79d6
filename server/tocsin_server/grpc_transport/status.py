"""Errors of the domain, as gRPC carries them."""

from google.protobuf.any_pb2 import Any as AnyProto
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from tocsin_server.api.errors import DOMAIN, bounded, code
from tocsin_server.api.times import duration
from tocsin_server.domain.model import errors


def status(error: errors.TocsinError) -> Status:
    """Returns an error as it travels: code, text, and details.

    The details are one ErrorInfo, a BadRequest for invalid fields, and a
    RetryInfo where trying again helps. Of very many violations it names the first.
    """
    error = bounded(error)
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
    return Status(code=code(error), message=str(error), details=packed)
