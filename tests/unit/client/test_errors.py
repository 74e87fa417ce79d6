import pickle

import grpc
import pytest
import tocsin_client
from google.protobuf.message import Message
from tocsin_client import CallError, TocsinError, Violation
from tocsin_client._errors import error_from

from tests.unit.client.scripting import bad_request, error_info, retry_info, rich_status


def failure(code: grpc.StatusCode, message: str, *details: Message) -> grpc.aio.AioRpcError:
    trailer = rich_status(code, message, *details).SerializeToString()
    metadata = grpc.aio.Metadata(("grpc-status-details-bin", trailer))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details=message)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "InvalidArgument"),
        (grpc.StatusCode.NOT_FOUND, "NotFound"),
        (grpc.StatusCode.ALREADY_EXISTS, "AlreadyExists"),
        (grpc.StatusCode.ABORTED, "Aborted"),
        (grpc.StatusCode.FAILED_PRECONDITION, "FailedPrecondition"),
        (grpc.StatusCode.PERMISSION_DENIED, "PermissionDenied"),
        (grpc.StatusCode.UNAUTHENTICATED, "Unauthenticated"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "ResourceExhausted"),
        (grpc.StatusCode.UNAVAILABLE, "Unavailable"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DeadlineExceeded"),
        (grpc.StatusCode.INTERNAL, "Internal"),
        (grpc.StatusCode.DATA_LOSS, "CallError"),
    ],
)
def test_each_code_has_its_exception(code: grpc.StatusCode, name: str) -> None:
    error = error_from(failure(code, "no"))

    assert type(error) is getattr(tocsin_client, name)
    assert error.code == code.name
    assert isinstance(error, CallError)
    assert isinstance(error, TocsinError)


def test_an_error_carries_every_detail_of_the_trailer() -> None:
    error = error_from(
        failure(
            grpc.StatusCode.INVALID_ARGUMENT,
            "1 field is invalid",
            error_info("FIELD_INVALID", fields="title"),
            bad_request(title="1 to 200 characters"),
            retry_info(1.5),
        )
    )

    assert error.message == "1 field is invalid. Try again in 1.5 s."
    assert error.reason == "FIELD_INVALID"
    assert error.metadata == {"fields": "title"}
    assert error.violations == (Violation("title", "1 to 200 characters"),)
    assert error.retry_delay == 1.5
    assert str(error) == "1 field is invalid. Try again in 1.5 s. [FIELD_INVALID]"


def test_an_error_without_details_says_its_code() -> None:
    error = error_from(
        grpc.aio.AioRpcError(
            grpc.StatusCode.UNAVAILABLE,
            grpc.aio.Metadata(),
            grpc.aio.Metadata(),
            details="failed to connect",
        )
    )

    assert str(error) == "failed to connect [UNAVAILABLE]"
    assert (error.reason, error.metadata, error.violations) == ("", {}, ())
    assert error.retry_delay is None


def test_a_call_that_ran_out_of_time_says_what_that_may_mean() -> None:
    error = error_from(failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"))

    assert "nothing serves the target" in str(error)


def test_a_reason_of_another_domain_is_not_taken() -> None:
    error = error_from(
        failure(grpc.StatusCode.UNAVAILABLE, "no", error_info("BUSY", domain="proxy.example"))
    )

    assert error.reason == ""


def test_a_trailer_that_does_not_parse_is_ignored() -> None:
    metadata = grpc.aio.Metadata(("grpc-status-details-bin", b"\xff"))

    error = error_from(
        grpc.aio.AioRpcError(
            grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), metadata, details="gone"
        )
    )

    assert str(error) == "gone [NOT_FOUND]"


def test_an_error_survives_pickling() -> None:
    error = error_from(
        failure(
            grpc.StatusCode.NOT_FOUND, "none", error_info("CHANNEL_NOT_FOUND", channel_id="news")
        )
    )

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (its own)

    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
