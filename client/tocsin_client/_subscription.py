"""Follows one inbox over as many streams as it takes, for whoever blocks."""

import threading
from types import TracebackType
from typing import Self

from tocsin_client import _spans
from tocsin_client._connections import Connector
from tocsin_client._reading import Ended, Reader
from tocsin_client._resuming import InboxUpdate, Progress
from tocsin_client._working import elsewhere


class Subscription:
    """Follows one inbox: a blocking iterator of `InboxUpdate`, made by `Client.subscribe`.

    It goes on when a server restarts or a link fails, from the last cursor, until it is closed or
    fails for good. `next` waits no longer than it is told to, which loses nothing and keeps the
    stream: iterate again. One thread at a time may iterate; any may close.

    Usable as a context manager, which closes it.
    """

    def __init__(self, connector: Connector, reader: Reader, progress: Progress) -> None:
        self._connector = connector
        self._reader = reader
        self._progress = progress
        self._lock = threading.Lock()
        # Whose call of `next` iterates.
        self._turn: object = None
        self._closed = False

    @property
    def cursor(self) -> str:
        """Resumes after the updates given so far; at first the one given, empty in a SNAPSHOT.

        It may be newer than the last update's: heartbeats renew it.
        """
        return self._reader.cursor

    @property
    def violations(self) -> int:
        """How often the server broke the rules that prove that nothing is missing."""
        return self._progress.violations

    @property
    def interruption(self) -> str:
        """Why the last stream ended, until another has caught up; empty otherwise."""
        return self._progress.interruption

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> InboxUpdate:
        """The next update.

        Raises:
            CallError: The stream failed in a way that another would not mend: InvalidArgument,
                NotFound, Unauthenticated, PermissionDenied and their like.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        return self.next()

    def next(self, timeout: float | None = None) -> InboxUpdate:
        """The next update, as the builtin `next` gives it, or TimeoutError after `timeout` seconds.

        What a signal's handler raises meanwhile, as Ctrl+C does, loses nothing: iterate again.

        Raises:
            TimeoutError: None came in time. It comes to whoever asks next.
            StopIteration: The subscription is closed.
            CallError: The stream failed in a way that another would not mend.
            ContiguityError: The stream broke a rule, and the subscription is strict.
            RuntimeError: Another thread iterates, or the process was forked meanwhile.
            ValueError: `timeout` is not a number.
        """
        timeout = _spans.patience("timeout", timeout)
        self._connector.check_process()
        turn = object()
        try:
            with self._lock:
                if self._turn is not None:
                    raise RuntimeError("another thread iterates over this subscription")
                self._turn = turn
            return self._take(timeout)
        finally:
            # Without a lock: where a call returns, a signal's handler may raise, and what was
            # taken would be lost.
            if self._turn is turn:
                self._turn = None

    def close(self) -> None:
        """Ends the stream; the iteration ends too, in whatever thread. Repeating it does nothing."""
        self._closed = True
        if not self._connector.forked:
            self._reader.close()
            self._reader.join()

    def __del__(self) -> None:
        # Dropped without a word, by `break` in a loop: the reader's thread would keep the stream
        # open. Elsewhere, because the collector may run while the reader or gRPC holds a lock.
        if not self._closed and not self._reader.over and not self._connector.forked:
            elsewhere(self._reader.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, timeout: float | None) -> InboxUpdate:
        if self._closed:
            raise StopIteration
        self._reader.ask()
        try:
            update = self._reader.take(timeout)
        except Ended:
            raise StopIteration from None
        if update is None:
            cause = self.interruption
            raise TimeoutError("no update in time" + (f": {cause}" if cause else ""))
        return update
