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

    def result(self, timeout: float | None) -> _T:
        """The result, once it is there.

        Raises:
            TimeoutError: It was not in time.
            BaseException: The exception that was set.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while self._result is None:
            if self._exception is not None:
                raise self._exception
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("it did not hold in time")
            self._bell.wait(left)
        return self._result[0]
