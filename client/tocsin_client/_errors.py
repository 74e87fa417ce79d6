"""The exceptions of the client: one tree, made from a gRPC status and its details.

```
TocsinError
├── CallError               the server, or the way to it, failed the call
│   ├── InvalidArgument     fields break their rules; `violations` names each
│   ├── NotFound
│   ├── AlreadyExists
│   ├── Aborted             it was changed meanwhile: read it again
│   ├── FailedPrecondition  it is not in the state that the call needs
│   ├── PermissionDenied
│   ├── Unauthenticated
│   ├── ResourceExhausted   too much at once; `retry_delay` says when to try again
│   ├── Unavailable         nothing serves the call just now
│   ├── DeadlineExceeded    no answer in time; a mutation may have been committed
│   └── Internal            the server has a defect, and its log says more
└── ContiguityError         a stream broke the rules that prove it misses nothing
```

A code that has no class of its own is a plain `CallError`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DOMAIN = "tocsin"
_DETAILS_KEY = "grpc-status-details-bin"


class TocsinError(Exception):
    """The base of every exception of this package."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks its rule."""

    field: str
    """The field's path in the request. Example: "message.title"."""
    description: str
    """The rule, with its limit."""


class CallError(TocsinError):
    """A call failed."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Iterable[Violation] = (),
        retry_delay: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        """What went wrong, for a developer."""
        self.code = code
        """The name of the canonical gRPC code. Example: "NOT_FOUND"."""
        self.reason = reason
        """The `ErrorReason` without its prefix; empty when the error is not
        the server's own. Example: "CHANNEL_NOT_FOUND"."""
        self.metadata = dict(metadata or {})
        """Every part of the message that varies, by name."""
        self.violations = tuple(violations)
        """Every violated field of the request."""
        self.retry_delay = retry_delay
        """After how many seconds a repeat may succeed, if the server says so."""

    def __str__(self) -> str:
        return f"{self.message} [{self.reason or self.code}]"


class InvalidArgument(CallError):
    """Fields break their rules, or a page token or cursor is malformed."""


class NotFound(CallError):
    """It does not exist."""


class AlreadyExists(CallError):
    """The id is taken, or the request id was used for another request."""


class Aborted(CallError):
    """It was changed meanwhile: its etag is another than the request's."""


class FailedPrecondition(CallError):
    """It is not in the state that the call needs; for example, the channel has messages."""


class PermissionDenied(CallError):
    """The caller may not do this."""


class Unauthenticated(CallError):
    """The caller's credential is missing, wrong or lapsed."""


class ResourceExhausted(CallError):
    """A limit is reached; nothing was stored."""


class Unavailable(CallError):
    """Nothing serves the call just now; a repeat with the same request id is safe."""


class DeadlineExceeded(CallError):
    """No answer came in time; a repeat with the same request id is safe."""


class Internal(CallError):
    """The server has a defect; its log says more."""


class ContiguityError(TocsinError):
    """A stream broke the rules that prove it misses nothing."""


class RpcFailure(Protocol):
    """The exception that grpc raises for a failed call, synchronous or not."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


_CLASSES: Mapping[grpc.StatusCode, type[CallError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.INTERNAL: Internal,
}


# gRPC itself refuses a request above 8 MiB, before the server can do so with a reason.
_TOO_LARGE = re.compile(r"SERVER: Received message larger than max \(([0-9]+) vs\. [0-9]+\)")
_REQUEST_BYTES = 4 * 1024 * 1024

# The codes of gRPC's own, where a server, or the proxy before it, did not answer.
_UNREACHABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def obstacle_in(failure: RpcFailure) -> str:
    """Why no server received a call that did not wait for one; empty when one did."""
    return failure.details() or "" if failure.code() is grpc.StatusCode.UNAVAILABLE else ""


def error_from(
    failure: RpcFailure,
    *,
    proxy: str = "",
    obstacle: str = "",
    last_answer: CallError | None = None,
) -> CallError:
    """The exception for a failed call, with the details of its trailer.

    Args:
        failure: What grpc raised.
        proxy: The `host:port` of the proxy that the call went through, if any.
        obstacle: Why no server can be reached, where that is known.
        last_answer: The error of the call's attempt before, if there was one.
    """
    code = failure.code()
    reason, metadata, violations, retry_delay = _details(failure)
    message = failure.details() or "the call failed"
    if retry_delay is not None:
        message = f"{message.removesuffix('.')}. Try again in {retry_delay:g} s."
    if code is grpc.StatusCode.DEADLINE_EXCEEDED and not reason:
        # gRPC's own message names no cause.
        if last_answer is not None and not obstacle:
            message = f"no answer in time; before: {last_answer.message}"
            reason, metadata = last_answer.reason, last_answer.metadata
            retry_delay = last_answer.retry_delay
        else:
            cause = obstacle or "the server is slow, or nothing serves the target"
            message = f"no answer in time: {cause}"
    if not reason and (too_large := _TOO_LARGE.search(message)):
        reason = "REQUEST_TOO_LARGE"
        metadata = {"size": too_large[1], "limit": str(_REQUEST_BYTES)}
        message = "The request has {size} bytes; {limit} is the limit.".format_map(metadata)
    if proxy and not reason and code in _UNREACHABLE:
        through = f", through the proxy {proxy}"
        message = message.removesuffix(through).removesuffix(".") + through
    return _CLASSES.get(code, CallError)(
        message,
        code=code.name,
        reason=reason,
        metadata=metadata,
        violations=violations,
        retry_delay=retry_delay,
    )


def _details(
    failure: RpcFailure,
) -> tuple[str, Mapping[str, str], Sequence[Violation], float | None]:
    """The reason, the metadata, the violations and the retry delay of an error."""
    reason = ""
    metadata: Mapping[str, str] = {}
    violations: list[Violation] = []
    retry_delay = None
    for detail in _status(failure).details:
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo.FromString(detail.value)
            if info.domain == _DOMAIN:
                reason, metadata = info.reason, info.metadata
        elif detail.Is(BadRequest.DESCRIPTOR):
            request = BadRequest.FromString(detail.value)
            violations += (Violation(v.field, v.description) for v in request.field_violations)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            delay = RetryInfo.FromString(detail.value).retry_delay
            retry_delay = delay.seconds + delay.nanos / 1e9
    return reason, metadata, violations, retry_delay


def _status(failure: RpcFailure) -> Status:
    """The trailer's rich status; an empty one when it is missing or malformed."""
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status()
