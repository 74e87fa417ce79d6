"""An inbox in memory that can be observed: its state, its callbacks, and its waiters."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Protocol

from tocsin.v1.inbox_pb2 import ChannelCounters, Notification, NotificationFilter

from tocsin_client._progress import InboxUpdate
from tocsin_client._replica import InboxChange
from tocsin_client._view import InboxView

_LOGGER = logging.getLogger("tocsin_client")

_CLOSED = "the inbox is closed"


class Waiter(Protocol):
    """A future, asyncio's or a thread's."""

    def done(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...  # noqa: ANN401  (any result of a predicate)
    def set_exception(self, exception: BaseException, /) -> None: ...


class ObservableInbox(ABC):
    """An inbox in memory, with callbacks and waiters for its changes.

    One reader applies the updates, one after the other. `guard` is held while the state changes or
    is read. An exception of a callback is logged, unless it is one of `passed_on`.
    """

    def __init__(
        self,
        guard: AbstractContextManager[object],
        passed_on: tuple[type[BaseException], ...] = (),
    ) -> None:
        self._guard = guard
        self._passed_on = passed_on
        self._view = InboxView()
        self._callbacks: dict[object, Callable[[InboxChange], object]] = {}
        self._waiters: dict[Waiter, Callable[[], object]] = {}
        # Whether a predicate is running, in the thread that holds the guard.
        self._predicate_runs = False
        self._failure: BaseException | None = None
        self._ended = False

    @property
    def notifications(self) -> Sequence[Notification]:
        """The notifications that it holds, in list order; the list never changes."""
        with self._guard:
            return self._view.notifications

    @property
    def unread_count(self) -> int:
        """How many notifications of the whole inbox have no `read_time`."""
        with self._guard:
            return self._view.inbox.unread_count

    @property
    def total_count(self) -> int:
        """How many notifications the whole inbox has."""
        with self._guard:
            return self._view.inbox.total_count

    @property
    def unseen_count(self) -> int:
        """How many notifications of the whole inbox have no `seen_time`."""
        with self._guard:
            return self._view.inbox.unseen_count

    @property
    def revision(self) -> int:
        """The inbox's revision that the state is of."""
        with self._guard:
            return self._view.revision

    @property
    def floor(self) -> int:
        """The `arrive_revision` from which on it holds all; 0 for the whole inbox."""
        with self._guard:
            return self._view.floor

    @property
    def channels(self) -> Mapping[str, ChannelCounters]:
        """The counters of every channel that has notifications in the inbox, by channel id."""
        with self._guard:
            return self._view.channels

    @property
    def interruption(self) -> str:
        """Why it is not current now, to show "offline"; empty while it is current."""
        if self._failure is not None:
            return str(self._failure)
        return _CLOSED if self._ended else self._stream_interruption

    @property
    @abstractmethod
    def _stream_interruption(self) -> str: ...

    def get(self, notification_id: str) -> Notification | None:
        """A notification by its id; None when it does not hold it."""
        with self._guard:
            return self._view.get(notification_id)

    def select(
        self,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,
    ) -> list[Notification]:
        """Selects from the notifications that it holds, in list order.

        Args:
            channel_ids: Only these channels' notifications; by default all channels'.
            filter: Which notifications: all, unread or read.

        Raises:
            ValueError: `filter` is another value.
        """
        with self._guard:
            return self._view.select(channel_ids=channel_ids, filter=filter)

    def on_change(self, callback: Callable[[InboxChange], object]) -> Callable[[], None]:
        """Calls `callback` after each change, once the inbox shows it.

        Callbacks are called one after the other, in the order of their registration. When one
        raises, the exception is logged (`tocsin_client`, ERROR), and the others are called all the
        same; only KeyboardInterrupt and SystemExit in asyncio end the event loop. The next change
        waits until the callbacks have returned.

        Returns:
            A function that unregisters the callback; repeating it does nothing.

        Raises:
            TypeError: `callback` is not callable, or is a coroutine function.
        """
        _refuse_coroutine_function("callback", callback)
        key = object()
        with self._guard:
            self._callbacks[key] = callback

        def unregister() -> None:
            with self._guard:
                self._callbacks.pop(key, None)

        return unregister

    def raise_if_failed(self) -> None:
        """Raises the error that ended the stream for good, if there is one."""
        if self._failure is not None:
            # Otherwise its traceback grows each time.
            raise self._failure.with_traceback(None)

    def _shown_up_to(self, ids: str | Iterable[str] | None) -> int | None:
        """The bound of a mark by channels or all: only notifications that are shown are marked.

        Raises:
            RuntimeError: Nothing is shown yet.
        """
        if ids is not None:
            return None
        if not self._view.caught_up:
            raise RuntimeError("the inbox was not entered")
        return self.revision

    def _late(self) -> TimeoutError:
        """The error for a wait that timed out."""
        problem = "it was not true" if self._view.caught_up else "the inbox has not caught up"
        cause = self.interruption
        return TimeoutError(f"{problem} in time" + (f": {cause}" if cause else ""))

    def _take(self, update: InboxUpdate) -> None:
        """Applies an update, calls the callbacks, and settles the waiters."""
        with self._guard:
            change = self._view.apply(update)
            callbacks = list(self._callbacks.items())
        if change is None:
            return
        for key, callback in callbacks:
            # One may have ended another.
            if key in self._callbacks:
                try:
                    callback(change)
                except self._passed_on:
                    raise
                except BaseException:
                    _LOGGER.exception("a callback of a live inbox raised")
        self._settle()

    def _await(self, waiter: Waiter, predicate: Callable[[], object]) -> None:
        """Settles a waiter once its predicate holds, perhaps now."""
        _refuse_coroutine_function("predicate", predicate)
        with self._guard:
            self._waiters[waiter] = predicate
            self._evaluate(waiter, predicate)

    def _forget(self, waiter: Waiter) -> None:
        """Drops a waiter."""
        with self._guard:
            self._waiters.pop(waiter, None)

    def _settle(self) -> None:
        """Settles the waiters whose predicates hold, and all when nothing can change any more."""
        with self._guard:
            for waiter, predicate in list(self._waiters.items()):
                if waiter.done():
                    # The wait has ended, and `_forget` was not called yet.
                    del self._waiters[waiter]
                else:
                    self._evaluate(waiter, predicate)

    def _evaluate(self, waiter: Waiter, predicate: Callable[[], object]) -> None:
        try:
            self._predicate_runs = True
            value = predicate()
            if isawaitable(value):
                raise TypeError("predicate returned an awaitable: pass a plain function")  # noqa: TRY301
            if not value and self._ended:
                self.raise_if_failed()
                raise RuntimeError(_CLOSED)  # noqa: TRY301
        except StopIteration as error:
            # A future refuses it, because it would end the coroutine that awaits it.
            failure = RuntimeError("the predicate raised StopIteration")
            failure.__cause__ = error
            waiter.set_exception(failure)
        except BaseException as error:  # noqa: BLE001  (the waiter raises it)
            waiter.set_exception(error)
        else:
            if value:
                waiter.set_result(value)
        finally:
            self._predicate_runs = False

    def _end(self, failure: BaseException | None) -> None:
        """Nothing more will change: the stream failed for good, or was closed."""
        with self._guard:
            self._failure = self._failure or failure
            self._ended = True
            self._settle()


def _refuse_coroutine_function(name: str, function: Callable[..., object]) -> None:
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        raise TypeError(f"{name} is a coroutine function, which is never awaited: pass a plain one")
