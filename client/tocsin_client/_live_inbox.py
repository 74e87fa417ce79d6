"""An inbox in memory that a thread keeps in step."""

import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from tocsin.v1.inbox_service_pb2 import UpdateNotificationsResponse

from tocsin_client import _durations
from tocsin_client._connections import Connector
from tocsin_client._observable_inbox import ObservableInbox
from tocsin_client._services.marks import Marks
from tocsin_client._subscription import Subscription
from tocsin_client._threads import ThreadFuture, Worker

_T = TypeVar("_T")


class LiveInbox(ObservableInbox):
    """A user's inbox in memory, kept in step by a subscription; made by `Client.inbox`.

    ```python
    with client.inbox("alice") as inbox:
        inbox.on_change(lambda change: toast(change.arrived))
        print(inbox.unread_count, [n.message.title for n in inbox.notifications])
        inbox.wait_for(lambda: inbox.unread_count == 0, timeout=60)
    ```

    Entering returns once it has caught up. From then on it shows the inbox at one revision after
    the other, never a state in between: `notifications` equals what the server lists
    (`NOTIFICATION_FILTER_ALL`) down to `floor`, and the counters are the server's own, of the
    whole inbox. Only what is marked or removed while a SNAPSHOT of several responses is under way
    may show early. It goes on when a server restarts or a link fails; until it is in step again it
    shows what it has, and `interruption` says why.

    A stream that fails for good, as `Subscription` says, ends it: what it shows stays, and
    `wait_for`, `raise_if_failed` and leaving the context raise the error.

    Any thread may use it. A thread of its own reads the stream and calls the callbacks; there,
    and in what `wait_for` asks, all that it shows is of one revision.

    The messages that it gives stay as they are, whatever comes: others take their place. They are
    what it holds itself: leave them as they are, too. What arrives is held until it is removed.
    """

    def __init__(
        self,
        connector: Connector,
        subscription: Subscription,
        marks: Marks,
        user_id: str,
        open_timeout: float | None,
    ) -> None:
        super().__init__(threading.RLock())
        self._connector = connector
        self._subscription = subscription
        self._marks = marks
        self._user_id = user_id
        self._open_timeout = open_timeout
        self._worker = Worker(self._follow, "tocsin-inbox", self._end)
        self._entered = False

    def __enter__(self) -> Self:
        """Returns once it has caught up.

        Raises:
            TimeoutError: It has not in time.
            CallError: The stream failed for good.
            RuntimeError: It was entered before.
        """
        with self._guard:
            if self._entered:
                raise RuntimeError("a live inbox can be entered once")
            self._entered = True
        try:
            self._worker.start()
            self.wait_for(lambda: self._view.caught_up, self._open_timeout)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        if exc is None:
            self.raise_if_failed()

    def close(self) -> None:
        """Ends the stream; what is shown stays. Any thread may, and repeating it does nothing.

        It waits for a callback that runs just now. One that waits in turn for the thread that
        closes would never end, nor would this: have the callback close the inbox itself.

        Raises:
            RuntimeError: A predicate closes it.
        """
        self._refuse_predicate("close the inbox")
        self._subscription.close()
        # A thread that starts from now on finds the subscription closed.
        self._worker.join()
        self._end(None)

    def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Returns what `predicate` gives as soon as that is true: now, or right after a change.

        It is asked after every change, behind the callbacks, in the thread that reads.

        Args:
            predicate: Looks at the inbox, quickly; what it raises is raised here.
            timeout: How many seconds to wait; by default as long as it takes.

        Raises:
            TimeoutError: It was not true in time.
            CallError: It is not true, and the stream has failed for good.
            RuntimeError: It is not true, and the inbox is closed or was not entered; or a callback
                or a predicate waits, for what could only come after it.
            TypeError: `predicate` cannot be called, or is or gives what nobody would await.
            ValueError: `timeout` is not a number.
        """
        timeout = _durations.patience("timeout", timeout)
        self._connector.check_process()
        if not self._entered:
            raise RuntimeError("the inbox was not entered")
        self._refuse_predicate("wait for the next change")
        if self._worker.is_current:
            raise RuntimeError("a callback cannot wait for the next change")
        waiter: ThreadFuture[_T] = ThreadFuture()
        try:
            self._await(waiter, predicate)
            if not waiter.wait(timeout):
                raise self._late()
            return waiter.result()
        finally:
            # Before the call, in which a signal's handler may raise.
            waiter.awaited = False
            self._forget(waiter)

    def mark_read(
        self,
        *,
        ids: str | Iterable[str] | None = None,
        channel_ids: str | Iterable[str] | None = None,
        all: bool = False,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> UpdateNotificationsResponse:
        """Marks notifications read, as `Client.mark_read` does, but none that is not shown yet.

        Of channels or all, only what arrived up to `revision` is marked. The inbox shows it a
        moment later: wait for the response's `inbox.revision` where that matters.
        """
        return self._marks.mark_read(
            self._user_id,
            ids=ids,
            channel_ids=channel_ids,
            all=all,
            up_to_revision=self._shown_up_to(ids),
            request_id=request_id,
            timeout=timeout,
        )

    def mark_unread(
        self,
        *,
        ids: str | Iterable[str] | None = None,
        channel_ids: str | Iterable[str] | None = None,
        all: bool = False,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> UpdateNotificationsResponse:
        """Marks notifications unread. The rest is as in `mark_read`."""
        return self._marks.mark_unread(
            self._user_id,
            ids=ids,
            channel_ids=channel_ids,
            all=all,
            up_to_revision=self._shown_up_to(ids),
            request_id=request_id,
            timeout=timeout,
        )

    def mark_seen(
        self,
        *,
        ids: str | Iterable[str] | None = None,
        channel_ids: str | Iterable[str] | None = None,
        all: bool = False,
        request_id: str | None = None,
        timeout: float | None = None,
    ) -> UpdateNotificationsResponse:
        """Marks notifications seen, as when the bell is opened. The rest is as in `mark_read`."""
        return self._marks.mark_seen(
            self._user_id,
            ids=ids,
            channel_ids=channel_ids,
            all=all,
            up_to_revision=self._shown_up_to(ids),
            request_id=request_id,
            timeout=timeout,
        )

    @property
    def _stream_interruption(self) -> str:
        return self._subscription.interruption

    def _refuse_predicate(self, act: str) -> None:
        with self._guard:
            # Whoever asks one holds the guard.
            if self._asking:
                raise RuntimeError(f"a predicate cannot {act}")

    def _follow(self) -> None:
        failure: BaseException | None = None
        try:
            for update in self._subscription:
                self._take(update)
        except BaseException as error:  # noqa: BLE001  (whoever waits, or leaves, gets it)
            failure = error
            self._subscription.close()
        finally:
            self._end(failure)
