"""An inbox in memory that a thread keeps in step."""

import threading
from collections.abc import Callable
from typing import Self, TypeVar

from tocsin_client import _durations
from tocsin_client._connections import Connector
from tocsin_client._services.live_marks import LiveMarks
from tocsin_client._services.marks import Marks
from tocsin_client._subscription import Subscription
from tocsin_client._threads import ThreadFuture, Worker

_T = TypeVar("_T")


class LiveInbox(LiveMarks):
    """A user's inbox in memory, kept in step by a subscription; made by `Client.inbox`.

    ```python
    with client.inbox("alice") as inbox:
        inbox.on_change(lambda change: toast(change.arrived))
        print(inbox.unread_count, [n.message.title for n in inbox.notifications])
        inbox.wait_for(lambda: inbox.unread_count == 0, timeout=60)
    ```

    Entering returns once it has caught up. From then on it shows the inbox at one revision after
    the other, never a state in between. `notifications` equals the server's list
    (`NOTIFICATION_FILTER_ALL`) down to `floor`; the counters are the server's own, of the whole
    inbox. Only a mark or a removal during a SNAPSHOT of several responses may show early. The inbox
    resumes when a server restarts or a link fails; until it has caught up again it shows what it
    has, and `interruption` says why.

    A stream that fails for good, as `Subscription` says, ends it: its state stays, and
    `wait_for`, `raise_if_failed` and leaving the context raise the error.

    Any thread may use it. A thread of its own reads the stream and calls the callbacks. In
    callbacks and in predicates of `wait_for`, all attributes are of the same revision.

    The messages that it returns never change: a change puts other messages in their place. They are
    its own, not copies: do not modify them. It holds a notification until that is removed.
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
            TimeoutError: It has not caught up in time.
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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.close()
        if error is None:
            self.raise_if_failed()

    def close(self) -> None:
        """Ends the stream; the state stays. Any thread may call it; repeating it does nothing.

        It waits for a running callback. A callback that waits for the thread that closes would
        block both for ever: let the callback close the inbox itself.

        Raises:
            RuntimeError: A predicate calls it.
        """
        self._refuse_predicate("close the inbox")
        self._subscription.close()
        # A thread that starts from now on finds the subscription closed.
        self._worker.join()
        self._end(None)

    def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Returns the predicate's result as soon as it is true: now, or right after a change.

        It is called after every change, after the callbacks, in the thread that reads.

        Args:
            predicate: Looks at the inbox, quickly. An exception that it raises is raised here.
            timeout: How many seconds to wait; by default without a limit.

        Raises:
            TimeoutError: It was not true in time.
            CallError: It is not true, and the stream has failed for good.
            RuntimeError: It is not true, and the inbox is closed or was not entered; or a callback
                or a predicate calls it: the next change could only come after it.
            TypeError: `predicate` is not callable, or what it returns would have to be awaited.
            ValueError: `timeout` is NaN.
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
            # Before `_forget`, in which a signal's handler may raise.
            waiter.awaited = False
            self._forget(waiter)

    @property
    def _stream_interruption(self) -> str:
        return self._subscription.interruption

    def _refuse_predicate(self, act: str) -> None:
        with self._guard:
            # A predicate is called with the guard held.
            if self._predicate_runs:
                raise RuntimeError(f"a predicate cannot {act}")

    def _follow(self) -> None:
        failure: BaseException | None = None
        try:
            for update in self._subscription:
                self._take(update)
        except BaseException as error:  # noqa: BLE001  (`wait_for` and leaving raise it)
            failure = error
            self._subscription.close()
        finally:
            self._end(failure)
