"""What a live inbox gives, whoever reads its subscription: its state, and word of each change."""

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
    def set_result(self, result: Any, /) -> None: ...  # noqa: ANN401  (whatever the predicate gives)
    def set_exception(self, exception: BaseException, /) -> None: ...


class ObservableInbox(ABC):
    """An inbox in memory, and those who want to know of its changes.

    One reader takes updates in, one after the other. `guard` is held while the state changes or
    is looked at. What a callback raises is logged, unless it is one of `passed_on`.
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
        # Whether a predicate is asked just now, by the thread that holds the guard.
        self._asking = False
        self._failure: BaseException | None = None
        self._ended = False

    @property
    def notifications(self) -> Sequence[Notification]:
        """What it holds, in list order: a list that stays as it is."""
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
        """The inbox's revision that all this is of."""
        with self._guard:
            return self._view.revision

    @property
    def floor(self) -> int:
        """The `arrive_revision` from which on it holds everything; 0 for the whole inbox."""
        with self._guard:
            return self._view.floor

    @property
    def channels(self) -> Mapping[str, ChannelCounters]:
        """The counters of every channel that the inbox has something of, by channel id."""
        with self._guard:
            return self._view.channels

    @property
    def interruption(self) -> str:
        """Why it is not in step just now, to show "offline"; empty while it is."""
        if self._failure is not None:
            return str(self._failure)
        return _CLOSED if self._ended else self._stream_interruption

    @property
    @abstractmethod
    def _stream_interruption(self) -> str: ...

    def get(self, notification_id: str) -> Notification | None:
        """One of what it holds, by its id; None when it is not there."""
        with self._guard:
            return self._view.get(notification_id)

    def select(
        self,
        *,
        channel_ids: str | Iterable[str] = (),
        filter: NotificationFilter.ValueType = NotificationFilter.NOTIFICATION_FILTER_ALL,
    ) -> list[Notification]:
        """Some of what it holds, in list order.

        Args:
            channel_ids: Only these channels' notifications; by default every one's.
            filter: Which notifications: all, unread or read.

        Raises:
            ValueError: `filter` is another.
        """
        with self._guard:
            return self._view.select(channel_ids=channel_ids, filter=filter)

    def on_change(self, callback: Callable[[InboxChange], object]) -> Callable[[], None]:
        """Calls `callback` after each change, once the inbox shows it.

        Callbacks are called one after the other, in the order in which they came. One that raises
        is logged (`tocsin_client`, ERROR), and the others are called all the same: in a thread
        whatever it raises, in asyncio all but KeyboardInterrupt and SystemExit, which end the
        event loop. The next change waits until they have returned.

        Returns:
            What ends it; repeating it does nothing.

        Raises:
            TypeError: `callback` cannot be called, or is a coroutine function, which nobody would
                await.
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
        """Raises the error that ended the stream for good, if one has."""
        if self._failure is not None:
            # Otherwise its traceback grows each time.
            raise self._failure.with_traceback(None)

    def _shown_up_to(self, ids: str | Iterable[str] | None) -> int | None:
        """What a mark is bounded by: of channels or all, none that is not shown yet is marked.

        Raises:
            RuntimeError: Nothing is shown yet.
        """
        if ids is not None:
            return None
        if not self._view.caught_up:
            raise RuntimeError("the inbox was not entered")
        return self.revision

    def _late(self) -> TimeoutError:
        """What whoever waited in vain is told."""
        what = "it was not true" if self._view.caught_up else "the inbox has not caught up"
        cause = self.interruption
        return TimeoutError(f"{what} in time" + (f": {cause}" if cause else ""))

    def _take(self, update: InboxUpdate) -> None:
        """Takes an update in, and tells of what changed."""
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
            self._ask(waiter, predicate)

    def _forget(self, waiter: Waiter) -> None:
        """Nobody waits any more."""
        with self._guard:
            self._waiters.pop(waiter, None)

    def _settle(self) -> None:
        """Settles the waiters whose predicates hold, and all when nothing can change any more."""
        with self._guard:
            for waiter, predicate in list(self._waiters.items()):
                if waiter.done():
                    # Nobody waits any more, nor has said so yet.
                    del self._waiters[waiter]
                else:
                    self._ask(waiter, predicate)

    def _ask(self, waiter: Waiter, predicate: Callable[[], object]) -> None:
        try:
            self._asking = True
            value = predicate()
            if isawaitable(value):
                raise TypeError("predicate gave what nobody would await: give a plain one")  # noqa: TRY301
            if not value and self._ended:
                self.raise_if_failed()
                raise RuntimeError(_CLOSED)  # noqa: TRY301
        except StopIteration as error:
            # No future takes it: it would end whoever awaits that.
            told = RuntimeError("the predicate raised StopIteration")
            told.__cause__ = error
            waiter.set_exception(told)
        except BaseException as error:  # noqa: BLE001  (whoever waits gets it)
            waiter.set_exception(error)
        else:
            if value:
                waiter.set_result(value)
        finally:
            self._asking = False

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
        raise TypeError(
            f"{name} is a coroutine function, which nobody would await: give a plain one"
        )
