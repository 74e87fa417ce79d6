"""What a failed call says, as a client that knows `google.rpc` reads it."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status


@dataclass(frozen=True)
class Failure:
    """A status with the details that this project's errors have."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: Mapping[str, str]
    violations: Sequence[tuple[str, str]]
    """The field and the description of each violation."""
    retry_seconds: float | None

    @property
    def fields(self) -> list[str]:
        """The paths of the violated fields."""
        return [field for field, _ in self.violations]


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """Decodes an error, which must be one of the contract's form: one ErrorInfo, ours."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # reads the same methods
    assert status is not None, f"no details: {error!r}"
    infos = [ErrorInfo.FromString(d.value) for d in status.details if d.Is(ErrorInfo.DESCRIPTOR)]
    requests = [
        BadRequest.FromString(d.value) for d in status.details if d.Is(BadRequest.DESCRIPTOR)
    ]
    retries = [RetryInfo.FromString(d.value) for d in status.details if d.Is(RetryInfo.DESCRIPTOR)]
    assert len(infos) == 1
    assert infos[0].domain == "tocsin"
    assert len(requests) <= 1
    assert len(retries) <= 1
    delays = [r.retry_delay.seconds + r.retry_delay.nanos / 1e9 for r in retries]
    return Failure(
        code=error.code(),
        message=error.details() or "",
        reason=infos[0].reason,
        metadata=dict(infos[0].metadata),
        violations=[(v.field, v.description) for r in requests for v in r.field_violations],
        retry_seconds=delays[0] if delays else None,
    )


async def failing(call: Awaitable[object]) -> Failure:
    """Awaits a call that must fail, and says how."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return failure_of(caught.value)
