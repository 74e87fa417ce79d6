"""Threads, and waiting for them, that a signal's handler may interrupt anywhere.

Python runs such a handler in the main thread, between any two steps, and its exception is raised
there. Neither the start of a threading.Thread nor a Condition, on which threading's Event and
concurrent.futures' Future are built, survives that: a lock may stay held. So what must not be
interrupted runs in a thread that is started in one step, and waiting is one step of a SimpleQueue.
"""

import _thread
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Worker:
    """A thread that runs one function, once."""

    def __init__(
        self,
        function: Callable[[], None],
        name: str,
        on_start_failure: Callable[[BaseException], None],
    ) -> None:
        """Takes the function, and what is called when no thread can start."""
        self._function = function
        self._name = name
        self._on_start_failure = on_start_failure
        # Held to start the thread.
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._start_requested = False

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this thread."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Starts the thread, unless it was started."""
        if not self._start_requested:
            _thread.start_new_thread(self._start, ())
            self._start_requested = True

    def join(self) -> None:
        """Returns once the function has returned; at once in its own thread or before its start."""
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        with self._lock:
            # An interrupted `start` may have been repeated.
            if self._thread is None:
                thread = threading.Thread(target=self._function, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as failure:
                    self._on_start_failure(failure)
                else:
                    self._thread = thread


def run_in_thread(function: Callable[[], object]) -> None:
    """Calls a function in a thread of its own, and does not wait for it.

    When the interpreter ends no thread can start, and none is needed.
    """
    with suppress(RuntimeError):
        _thread.start_new_thread(function, ())


class WakeUp:
    """An event that wakes one thread and resets itself; a wake-up may be spurious."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Call it after the state has changed that the thread waits for. Any thread may."""
        if self._queue.empty():
            self._queue.put(None)

    def wait(self, timeout: float | None = None) -> None:
        """Returns once it is set, or after `timeout` seconds."""
        try:
            self._queue.get(timeout=timeout)
        except Empty:
            return


class Latch:
    """A flag that is set once, which any number of threads may wait for."""

    def __init__(self) -> None:
        # Held until the flag is set.
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        with suppress(RuntimeError):
            self._lock.release()

    def wait(self, timeout: float) -> None:
        """Returns once it is set, or after `timeout` seconds."""
        if self._lock.acquire(timeout=timeout):
            self.set()


class ThreadFuture(Generic[_T]):
    """A future that one thread waits for."""

    def __init__(self) -> None:
        self._wake_up = WakeUp()
        self._result: tuple[_T] | None = None
        self._exception: BaseException | None = None
        # The thread that waited sets it to False.
        self.awaited = True

    def done(self) -> bool:
        """Whether it is settled, or no thread waits any more."""
        return not self.awaited or self._result is not None or self._exception is not None

    def set_result(self, result: _T) -> None:
        self._result = (result,)
        self._wake_up.set()

    def set_exception(self, exception: BaseException) -> None:
        self._exception = exception
        self._wake_up.set()

    def wait(self, timeout: float | None) -> bool:
        """Whether it is settled within `timeout` seconds; None waits without a limit."""
        deadline = None if timeout is None else monotonic() + timeout
        while self._result is None and self._exception is None:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return False
            self._wake_up.wait(left)
        return True

    def result(self) -> _T:
        """The result, or raises the exception; call it once it is settled."""
        if self._result is None:
            assert self._exception is not None  # noqa: S101  # it is settled
            raise self._exception
        return self._result[0]
