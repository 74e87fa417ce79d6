"""How long both clients wait: between streams, and between the attempts of one unary call.

A unary call is repeated while no server answers, or while the server says that a repeat may
succeed. That is safe, because every change carries a request id. gRPC's own retry policy does not
serve here: it cannot read the server's RetryInfo, and when the deadline ends a call in a later attempt, its
DEADLINE_EXCEEDED does not say what the server had answered before.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tocsin_client._errors import CallError

# Seconds.
TIMEOUT = 30.0

# After so many seconds without an answer, a program can tell its user why it waits.
SILENCE_SECONDS = 2.0

# Any server answers it at once, with OK or an error; the probe only finds out whether there is one.
PROBE = "/grpc.health.v1.Health/Check"
# A share of the failed call's time, and seconds.
_PROBE_SHARE = 0.1
_PROBE_SECONDS = 0.2

# A server that stops answers CANCELLED to calls that it has not begun.
_REPEATED = {"UNAVAILABLE", "CANCELLED"}

# Seconds. With less time left there is no further attempt.
_SHORTEST_ATTEMPT = 0.01


class _PagedRequest(Protocol):
    page_token: str


class _Page(Protocol):
    next_page_token: str


PagedRequestT = TypeVar("PagedRequestT", bound=_PagedRequest)
PageT = TypeVar("PageT", bound=_Page)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The clients' delays, in seconds, and where time and chance come from."""

    first_delay: float = 0.1
    longest_delay: float = 5.0
    longest_call_delay: float = 2.0
    heartbeats_missed: float = 2.5
    heartbeat_margin: float = 1.0
    uniform: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = time.monotonic

    def back_off(self, failures: int) -> float:
        """The delay before the next stream, after so many failures in a row.

        Exponential with full jitter: Brooker, "Exponential Backoff And Jitter", 2015.
        """
        return self._back_off(failures, self.longest_delay)

    def back_off_call(self, failures: int) -> float:
        """The delay before the next attempt of a unary call, after so many failures."""
        return self._back_off(failures, self.longest_call_delay)

    def _back_off(self, failures: int, longest: float) -> float:
        # The exponent's bound keeps the power a small number.
        return self.uniform(0.0, min(longest, self.first_delay * 2.0 ** min(failures, 32)))


class Attempts:
    """The attempts of one unary call, all within its timeout."""

    def __init__(self, timeout: float, pacing: Pacing) -> None:
        """Begins the call, which may take `timeout` seconds."""
        self._timeout = timeout
        self._pacing = pacing
        self._deadline = pacing.monotonic() + timeout
        self._failures = 0
        self.last_answer: CallError | None = None
        """The error of the last attempt that was repeated."""

    @property
    def seconds_left(self) -> float:
        """How long the next attempt may take."""
        if not self._failures:
            return self._timeout
        return max(0.0, self._deadline - self._pacing.monotonic())

    @property
    def probe_seconds(self) -> float:
        """How long the probe may take that finds out why no server answered."""
        return min(_PROBE_SECONDS, _PROBE_SHARE * self._timeout)

    def delay_after(self, error: CallError) -> float | None:
        """Seconds until the next attempt, after the error of the last; None to give up.

        The delay is the one of the server's RetryInfo, if any, and a random one. When RetryInfo
        leaves no time for another attempt, the call gives up: the error says when to try again.
        """
        if error.code not in _REPEATED and error.retry_delay is None:
            return None
        left = self._deadline - self._pacing.monotonic()
        least = error.retry_delay or 0.0
        if left - least < _SHORTEST_ATTEMPT:
            return None
        delay = least + self._pacing.back_off_call(self._failures)
        self._failures += 1
        self.last_answer = error
        # Half of the time that RetryInfo leaves, at most: the attempt needs some, too.
        return min(delay, (least + left) / 2)
