"""Finds a stream that brings nothing, and cancels it.

One thread reads the call; another waits for what it brings, and cancels it after too long.
"""

import threading
from time import monotonic
from typing import Protocol

from tocsin_client._threads import run_in_thread


class Cancellable(Protocol):
    """A call."""

    def cancel(self) -> object: ...


class Watchdog:
    """Watches one call after the other."""

    def __init__(self, patience: float) -> None:
        """Takes after how many silent seconds a call is cancelled."""
        self._patience = patience
        # Held to end the watch: the reading thread ends it, or the waiting thread cancels the call.
        self._lock = threading.Lock()
        # The call that is read, and when it owed a response.
        self._watched: tuple[Cancellable, float] | None = None
        self._cancelled: Cancellable | None = None

    def begin(self, call: Cancellable, *, after: float = 0.0) -> None:
        """Watches a call, which owes a response `after` seconds from now, unless one is watched."""
        if self._watched is None:
            self._watched = call, monotonic() + after

    def end(self) -> None:
        """The call has brought a response, or has ended."""
        with self._lock:
            self._watched = None

    def seconds_left(self) -> float:
        """Seconds until the call is overdue; the whole patience while none is watched."""
        watched = self._watched
        return self._patience if watched is None else watched[1] + self._patience - monotonic()

    def cancel_overdue(self) -> None:
        """Cancels the call that is watched, if it is overdue.

        Interrupted by what a signal's handler raises, it may be repeated.
        """
        with self._lock:
            if self._watched is not None and self.seconds_left() <= 0:
                self._cancelled = self._watched[0]
                run_in_thread(self._cancelled.cancel)
                self._watched = None

    def cancelled(self, call: Cancellable) -> bool:
        """Whether the watchdog has cancelled this call."""
        return self._cancelled is call
