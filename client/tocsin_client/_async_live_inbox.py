"""An inbox in memory that a task keeps in step."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Self, TypeVar

from tocsin_client import _durations
from tocsin_client._async_services.live_marks import AsyncLiveMarks
from tocsin_client._async_services.marks import AsyncMarks
from tocsin_client._async_subscription import AsyncSubscription

_T = TypeVar("_T")


class AsyncLiveInbox(AsyncLiveMarks):
    """A user's inbox in memory, kept in step by a subscription; made by `AsyncClient.inbox`.

    ```python
    async with client.inbox("alice") as inbox:
        inbox.on_change(lambda change: toast(change.arrived))
        print(inbox.unread_count, [n.message.title for n in inbox.notifications])
        await inbox.wait_for(lambda: inbox.unread_count == 0, timeout=60)
    ```

    Entering returns once it has caught up. From then on it shows the inbox at one revision after
    the other, never a state in between. `notifications` equals the server's list
    (`NOTIFICATION_FILTER_ALL`) down to `floor`; the counters are the server's own, of the whole
    inbox. Only a mark or a removal during a SNAPSHOT of several responses may show early. The inbox
    resumes when a server restarts or a link fails; until it has caught up again it shows what it
    has, and `interruption` says why.

    A stream that fails for good, as `AsyncSubscription` says, ends it: its state stays, and
    `wait_for`, `raise_if_failed` and leaving the context raise the error.

    Use it from its client's event loop. Up to the next `await`, all attributes are of the same
    revision.

    The messages that it returns never change: a change puts other messages in their place. They are
    its own, not copies: do not modify them. It holds a notification until that is removed.
    """

    def __init__(
        self,
        subscription: AsyncSubscription,
        marks: AsyncMarks,
        user_id: str,
        open_timeout: float | None,
    ) -> None:
        # asyncio raises these out of the event loop.
        super().__init__(nullcontext(), passed_on=(KeyboardInterrupt, SystemExit))
        self._subscription = subscription
        self._marks = marks
        self._user_id = user_id
        self._open_timeout = open_timeout
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Returns once it has caught up.

        Raises:
            TimeoutError: It has not caught up in time.
            CallError: The stream failed for good.
            RuntimeError: It was entered before.
        """
        if self._task is not None:
            raise RuntimeError("a live inbox can be entered once")
        self._task = asyncio.create_task(self._follow())
        try:
            await self.wait_for(lambda: self._view.caught_up, self._open_timeout)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await self.aclose()
        if error is None:
            self.raise_if_failed()

    async def aclose(self) -> None:
        """Ends the stream; the state stays. Repeating it does nothing."""
        await self._subscription.aclose()
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                # Marks it as retrieved; asyncio has raised it.
                self._task.exception()
        self._end(None)

    async def wait_for(self, predicate: Callable[[], _T], timeout: float | None = None) -> _T:
        """Returns the predicate's result as soon as it is true: now, or right after a change.

        It is called after every change, after the callbacks.

        Args:
            predicate: Looks at the inbox, quickly. An exception that it raises is raised here.
            timeout: How many seconds to wait; by default without a limit.

        Raises:
            TimeoutError: It was not true in time.
            CallError: It is not true, and the stream has failed for good.
            RuntimeError: It is not true, and the inbox is closed or was not entered.
            TypeError: `predicate` is not callable, or what it returns would have to be awaited.
            ValueError: `timeout` is NaN.
        """
        timeout = _durations.patience("timeout", timeout)
        if self._task is None:
            raise RuntimeError("the inbox was not entered")
        waiter: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        try:
            self._await(waiter, predicate)
            settled, _ = await asyncio.wait({waiter}, timeout=timeout)
            if not settled:
                raise self._late()
            return waiter.result()
        finally:
            self._forget(waiter)

    @property
    def _stream_interruption(self) -> str:
        return self._subscription.interruption

    async def _follow(self) -> None:
        failure: Exception | None = None
        try:
            async for update in self._subscription:
                self._take(update)
        except Exception as error:  # noqa: BLE001  (`wait_for` and leaving raise it)
            failure = error
            await self._subscription.aclose()
        except (KeyboardInterrupt, SystemExit) as end:
            failure = RuntimeError(f"{type(end).__name__} ended the inbox")
            raise
        finally:
            self._end(failure)
