"""What both clients' unary calls have in common: their timeout, and the probe after one in vain."""

from typing import Protocol, TypeVar

import grpc

# Seconds.
TIMEOUT = 30.0

NO_ANSWER = grpc.StatusCode.DEADLINE_EXCEEDED

# Any server answers it at once; what counts is whether there is one.
PROBE = "/grpc.health.v1.Health/Check"
# A share of the failed call's time, and seconds.
_PROBE_SHARE = 0.1
_PROBE_SECONDS = 0.2


class _PagedRequest(Protocol):
    page_token: str


class _Page(Protocol):
    next_page_token: str


PagedRequestT = TypeVar("PagedRequestT", bound=_PagedRequest)
PageT = TypeVar("PageT", bound=_Page)


def probe_seconds(seconds: float) -> float:
    """How long a probe may take, after a call that failed to get an answer in `seconds`."""
    return min(_PROBE_SECONDS, _PROBE_SHARE * seconds)
