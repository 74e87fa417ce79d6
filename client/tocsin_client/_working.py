"""Threads whose starting, ending and errands a signal's handler may interrupt anywhere.

What starts and joins them may be the main thread, in which a handler may raise between two steps.
The start of a threading.Thread would not survive that, nor would a Condition of gRPC's: so what
must not be interrupted is done in a thread that is started in one step.
"""

import _thread
import threading
from collections.abc import Callable
from contextlib import suppress


class Worker:
    """A thread that does one piece of work, once."""

    def __init__(
        self,
        work: Callable[[], None],
        name: str,
        give_up: Callable[[BaseException], None],
    ) -> None:
        """Takes what is to be done, and what is told when there can be no thread for it."""
        self._work = work
        self._name = name
        self._give_up = give_up
        # Held to start the thread.
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked = False

    @property
    def is_current(self) -> bool:
        """Whether it is this thread that asks."""
        return self._thread is threading.current_thread()

    def start(self) -> None:
        """Starts it, unless it was started."""
        if not self._asked:
            _thread.start_new_thread(self._start, ())
            self._asked = True

    def join(self) -> None:
        """Returns once it is done; at once from within it. One that starts later is not waited for."""
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _start(self) -> None:
        with self._lock:
            # Whoever asked may have been interrupted, and have asked again.
            if self._thread is None:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as failure:
                    self._give_up(failure)
                else:
                    self._thread = thread


def elsewhere(errand: Callable[[], object]) -> None:
    """Does something in a thread of its own, which nobody waits for.

    None can start, and none need, when the interpreter ends.
    """
    with suppress(RuntimeError):
        _thread.start_new_thread(errand, ())
