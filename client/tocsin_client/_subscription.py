"""A subscription that blocks: follows one inbox, over as many streams as it takes."""

import threading
from typing import Self

from tocsin_client import _durations
from tocsin_client._connections import Connector
from tocsin_client._progress import InboxUpdate, Progress
from tocsin_client._stream_reader import Ended, Reader
from tocsin_client._subscription_state import SubscriptionState
from tocsin_client._threads import run_in_thread


class Subscription(SubscriptionState):
    """Follows one inbox: a blocking iterator of `InboxUpdate`, made by `Client.subscribe`.

    It goes on when a server restarts or a link fails, from the last cursor, until it is closed or
    fails for good. `next` takes a timeout; after it nothing is lost and the stream stays
    open: iterate again. One thread at a time may iterate; any may close.

    Usable as a context manager, which closes it.
    """

    def __init__(self, connector: Connector, reader: Reader, progress: Progress) -> None:
        self._connector = connector
        self._reader: Reader = reader
        self._progress = progress
        self._lock = threading.Lock()
        # Identifies the call of `next` that is running.
        self._turn: object = None
        self._closed = False

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
            TimeoutError: None came in time. The next call returns it.
            StopIteration: The subscription is closed.
            CallError: The stream failed in a way that another would not mend.
            ContiguityError: The stream broke a rule, and the subscription is strict.
            RuntimeError: Another thread iterates, or the process was forked meanwhile.
            ValueError: `timeout` is not a number.
        """
        timeout = _durations.patience("timeout", timeout)
        self._connector.check_process()
        turn = object()
        try:
            with self._lock:
                if self._turn is not None:
                    raise RuntimeError("another thread iterates over this subscription")
                self._turn = turn
            return self._take(timeout)
        finally:
            # Without a lock: a signal's handler may raise where a call returns, and the update
            # that was taken would be lost.
            if self._turn is turn:
                self._turn = None

    def close(self) -> None:
        """Ends the stream; the iteration ends too, in any thread. Repeating it does nothing."""
        self._closed = True
        if not self._connector.forked:
            self._reader.close()
            self._reader.join()

    def __del__(self) -> None:
        # Dropped without being closed, by `break` in a loop: the reader's thread would keep the
        # stream open. In a thread, because the collector may run while the reader or gRPC holds a
        # lock.
        if not self._closed and not self._reader.ended and not self._connector.forked:
            run_in_thread(self._reader.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, timeout: float | None) -> InboxUpdate:
        if self._closed:
            raise StopIteration
        self._reader.request()
        try:
            update = self._reader.take(timeout)
        except Ended:
            raise StopIteration from None
        if update is None:
            cause = self.interruption
            raise TimeoutError("no update in time" + (f": {cause}" if cause else ""))
        return update
