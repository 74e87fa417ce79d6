import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from tocsin.v1.error_reason_pb2 import ErrorReason
from tocsin_server.api.errors import CODES, bounded, code, item_error
from tocsin_server.domain.model import errors
from tocsin_server.domain.model.errors import FieldsInvalid, TocsinError, Violation
from tocsin_server.grpc_transport.status import status

from tests.support.tree import EXAMPLES

RESERVED = {
    "UNSPECIFIED": "never sent",
    "INTERNAL": "the root's own: a defect of the server",
    "PAGE_TOKEN_INVALID": "a violation's",
    "CURSOR_INVALID": "a violation's",
}

every_error = pytest.mark.parametrize(
    "error", [*EXAMPLES, TocsinError()], ids=lambda error: type(error).__name__
)


def known_reasons() -> set[str]:
    return {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()}  # noqa: SIM118


def test_every_class_maps_to_the_code_of_its_branch() -> None:
    expected = {
        errors.Invalid: code_pb2.INVALID_ARGUMENT,
        errors.NotFound: code_pb2.NOT_FOUND,
        errors.AlreadyExists: code_pb2.ALREADY_EXISTS,
        errors.Aborted: code_pb2.ABORTED,
        errors.Precondition: code_pb2.FAILED_PRECONDITION,
        errors.Exhausted: code_pb2.RESOURCE_EXHAUSTED,
        errors.Unavailable: code_pb2.UNAVAILABLE,
    }

    assert set(TocsinError.__subclasses__()) == set(expected)
    for error in EXAMPLES:
        (branch,) = (branch for branch in expected if issubclass(type(error), branch))
        assert code(error) is expected[branch]
    assert code(TocsinError()) is code_pb2.INTERNAL


def test_the_table_has_every_branch_and_the_root_last() -> None:
    assert [branch for branch, _ in CODES] == [*TocsinError.__subclasses__(), TocsinError]


@every_error
def test_every_class_has_a_reason_that_the_protos_know(error: TocsinError) -> None:
    assert error.reason in known_reasons()


def test_every_reason_is_that_of_one_class_or_says_why_not() -> None:
    own = [error.reason for error in EXAMPLES]

    assert len(own) == len(set(own))
    assert not set(own) & set(RESERVED)
    assert known_reasons() == {*own, *RESERVED}


@every_error
def test_a_status_has_one_error_info_and_what_helps(error: TocsinError) -> None:
    rich_status = status(error)

    infos = [
        ErrorInfo.FromString(d.value) for d in rich_status.details if d.Is(ErrorInfo.DESCRIPTOR)
    ]
    assert infos == [ErrorInfo(reason=error.reason, domain="tocsin", metadata=dict(error.metadata))]
    assert rich_status.code == code(error)
    assert rich_status.message == str(error)
    retries = [
        RetryInfo.FromString(d.value) for d in rich_status.details if d.Is(RetryInfo.DESCRIPTOR)
    ]
    delays = [retry.retry_delay.ToTimedelta().total_seconds() for retry in retries]
    assert delays == ([] if error.retry_after is None else [error.retry_after])


@pytest.mark.parametrize(
    "retryable",
    [
        errors.TooManyStreams(scope="user", limit="16"),
        errors.WritesOverloaded(limit="1"),
        errors.StoreUnavailable(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_protos_promise_a_retry_info_has_one(retryable: TocsinError) -> None:
    assert retryable.retry_after is not None


def test_every_violated_field_is_in_the_bad_request() -> None:
    violations = [
        Violation("message.title", "is required"),
        Violation("page_token", "belongs to another query", "PAGE_TOKEN_INVALID"),
    ]

    rich_status = status(FieldsInvalid(violations))

    (bad_request,) = [
        BadRequest.FromString(d.value) for d in rich_status.details if d.Is(BadRequest.DESCRIPTOR)
    ]
    assert [(v.field, v.description, v.reason) for v in bad_request.field_violations] == [
        (v.field, v.description, v.reason) for v in violations
    ]


def test_an_error_fits_the_trailers_of_a_call_however_much_is_wrong() -> None:
    # gRPC refuses more than 16 KiB, and above 8 KiB some; non-ASCII text is sent threefold.
    worst = FieldsInvalid(
        [Violation(f'message.labels["{"😀" * 63}"]', "has 257 characters")] * 10_000
    )

    rich_status = status(worst)

    escaped = sum(1 if 0x20 <= byte < 0x7F else 3 for byte in rich_status.message.encode())
    encoded = len(rich_status.SerializeToString()) * 4 // 3
    assert escaped + encoded < 8_000


def test_of_very_many_violations_a_status_and_an_item_name_the_first_and_count_the_rest() -> None:
    error = FieldsInvalid([Violation(f"field_{n}", "is bad") for n in range(2_000)])

    rich_status, item = status(error), item_error(error)

    (bad_request,) = [
        BadRequest.FromString(d.value) for d in rich_status.details if d.Is(BadRequest.DESCRIPTOR)
    ]
    named = [f"field_{n}" for n in range(len(bad_request.field_violations))]
    assert 0 < len(named) < 2_000
    assert [v.field for v in bad_request.field_violations] == named
    assert rich_status.message.endswith(f"; and {2_000 - len(named):,} more.")
    assert item.message == rich_status.message
    assert [v.field for v in item.violations] == named
    assert item.metadata["fields"] == ",".join(named)


def test_the_first_violation_is_named_however_long_it_is() -> None:
    error = FieldsInvalid([Violation("f" * 9_000, "is bad"), Violation("g", "is bad")])

    assert bounded(error).metadata == {"fields": "f" * 9_000}


@every_error
def test_an_error_of_an_item_says_what_a_call_of_its_own_would(error: TocsinError) -> None:
    item = item_error(error)

    assert item.code == code(error)
    assert ErrorReason.Name(item.reason) == f"ERROR_REASON_{error.reason}"
    assert item.message == str(error)
    assert dict(item.metadata) == dict(error.metadata)
    assert [v.field for v in item.violations] == (
        ["message.title"] if isinstance(error, FieldsInvalid) else []
    )
