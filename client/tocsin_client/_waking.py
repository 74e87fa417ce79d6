"""Waiting in a thread for what another brings, which a signal's handler may interrupt anywhere.

Python runs such a handler in the main thread, between two steps of whatever runs there, and what
it raises is raised there. The Condition beneath threading's Event and concurrent.futures' Future
is Python itself, so its lock may stay held; a SimpleQueue is one step.
"""

from queue import Empty, SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Bell:
    """Wakes one thread, which looks again at what it waits for, perhaps in vain."""

    def __init__(self) -> None:
        self._rung: SimpleQueue[None] = SimpleQueue()

    def ring(self) -> None:
        """To be called after what is looked at was set. Any thread may, and repeat it."""
        if self._rung.empty():
            self._rung.put(None)

    def wait(self, timeout: float | None = None) -> None:
        """Returns once it is rung, at once if it was; or after `timeout` seconds."""
        try:
            self._rung.get(timeout=timeout)
        except Empty:
            return


class Outcome(Generic[_T]):
    """A future of one thread that waits."""

    def __init__(self) -> None:
        self._bell = Bell()
        self._result: tuple[_T] | None = None
        self._exception: BaseException | None = None
        # Set to False by whoever waited.
        self.awaited = True

    def done(self) -> bool:
        """Whether it is settled, or nobody waits any more."""
        return not self.awaited or self._result is not None or self._exception is not None

    def set_result(self, result: _T) -> None:
        self._result = (result,)
        self._bell.ring()

    def set_exception(self, exception: BaseException) -> None:
        self._exception = exception
        self._bell.ring()

    def wait(self, timeout: float | None) -> bool:
        """Whether it is settled within `timeout` seconds; None waits as long as it takes."""
        deadline = None if timeout is None else monotonic() + timeout
        while self._result is None and self._exception is None:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return False
            self._bell.wait(left)
        return True

    def result(self) -> _T:
        """The result, or raises the exception that was set; it is settled."""
        if self._result is None:
            assert self._exception is not None  # noqa: S101  # it is settled
            raise self._exception
        return self._result[0]
