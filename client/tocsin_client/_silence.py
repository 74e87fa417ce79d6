"""Which call brings nothing, since when, and whether somebody gave it up.

One thread reads the call; another waits for what it brings, and may lose patience.
"""

import threading
from time import monotonic
from typing import Protocol

from tocsin_client._working import elsewhere


class Cancellable(Protocol):
    """A call."""

    def cancel(self) -> object: ...


class Silence:
    """The silence of one call after the other, as long as nobody loses patience."""

    def __init__(self, patience: float) -> None:
        """Takes seconds."""
        self._patience = patience
        # Held to end a silence: whoever reads ends it, or whoever waits gives its call up.
        self._lock = threading.Lock()
        self._silent: tuple[Cancellable, float] | None = None
        self._given_up: Cancellable | None = None

    def begin(self, call: Cancellable, *, after: float = 0.0) -> None:
        """A call is read; it owes something in `after` seconds, unless it does already."""
        if self._silent is None:
            self._silent = call, monotonic() + after

    def end(self) -> None:
        """The call has brought something, or is over."""
        with self._lock:
            self._silent = None

    def patience_left(self) -> float:
        """Seconds until the link is dead; all of them while nothing is read."""
        silent = self._silent
        return self._patience if silent is None else silent[1] + self._patience - monotonic()

    def give_up(self) -> None:
        """Cancels the call that is read, if no patience is left with it.

        Interrupted by what a signal's handler raises, it may be repeated.
        """
        with self._lock:
            if self._silent is not None and self.patience_left() <= 0:
                self._given_up = self._silent[0]
                elsewhere(self._given_up.cancel)
                self._silent = None

    def gave_up(self, call: Cancellable) -> bool:
        """Whether it was this that cancelled a call."""
        return self._given_up is call
