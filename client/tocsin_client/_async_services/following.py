"""The methods that follow an inbox."""

from abc import ABC, abstractmethod

from tocsin_client._async_live_inbox import AsyncLiveInbox
from tocsin_client._async_subscription import AsyncSubscription
from tocsin_client._async_unary import AsyncCalls
from tocsin_client._cursors import Bookmark, CursorStore
from tocsin_client._progress import Progress
from tocsin_client._retries import TIMEOUT, Pacing


class AsyncFollowing(ABC):
    """The methods that open streams, and the parts of a client that they need."""

    _calls: AsyncCalls
    _pacing: Pacing

    def subscribe(
        self,
        user_id: str,
        *,
        cursor: str | None = None,
        cursor_store: CursorStore | None = None,
        snapshot_size: int = 0,
        heartbeat_interval: float = 30.0,
        heartbeats: bool = False,
        strict: bool = False,
    ) -> AsyncSubscription:
        """Follows an inbox: returns an iterator of `InboxUpdate` that misses nothing.

        It resumes by itself, from the last cursor, when a server restarts or a link fails. It waits
        for a server, and while the user already has 16 streams open; the log (`tocsin_client`,
        INFO) says so. Use it as a context manager if you leave it before the client closes.

        Args:
            user_id: Whose inbox.
            cursor: Where to resume: an update's `cursor`. By default, and when it is empty, a
                SNAPSHOT comes first.
            cursor_store: Where the user's cursor is read at first, and saved from then on, so that
                every update is processed at least once; see `CursorStore`.
            snapshot_size: How many notifications a SNAPSHOT holds at most, up to 1,000; 0 is 50.
            heartbeat_interval: After how many idle seconds the server sends a heartbeat, 1 to 300.
                The link counts as dead after 2.5 times as many and one second more.
            heartbeats: Return HEARTBEAT and RECONNECT updates too.
            strict: Raise ContiguityError when the server breaks a rule that proves that nothing
                is missing, instead of counting it in `violations`.

        Raises:
            ValueError: `heartbeat_interval` is not more than 0, or no duration; or both `cursor`
                and `cursor_store` are passed.
            TypeError: An argument has the wrong type.
            RuntimeError: The client is closed.
        """
        self._calls.check_open()
        if cursor and cursor_store is not None:
            raise ValueError("pass cursor or cursor_store, not both")
        progress = Progress(
            user_id,
            cursor=cursor or "",
            snapshot_size=snapshot_size,
            heartbeat_interval=heartbeat_interval,
            heartbeats=heartbeats,
            strict=strict,
            pacing=self._pacing,
        )
        return self._open(progress, Bookmark(user_id, cursor_store))

    def inbox(
        self,
        user_id: str,
        *,
        snapshot_size: int = 0,
        heartbeat_interval: float = 30.0,
        strict: bool = False,
        open_timeout: float | None = TIMEOUT,
    ) -> AsyncLiveInbox:
        """Keeps a copy of an inbox in memory, always current, for an application that shows a bell.

        Use it as a context manager: entering it returns once it has caught up.

        Args:
            user_id: Whose inbox.
            snapshot_size: How many of the newest notifications it holds at first, up to 1,000;
                0 is 50.
            heartbeat_interval: After how many idle seconds the server sends a heartbeat, 1 to 300.
            strict: End with a ContiguityError when the server breaks a rule that proves that
                nothing is missing; by default the log says so (`tocsin_client`, WARNING).
            open_timeout: How many seconds entering may take; None waits without a limit.

        Raises:
            ValueError: `heartbeat_interval` is not more than 0, or no duration.
            TypeError: An argument has the wrong type.
            RuntimeError: The client is closed.
        """
        subscription = self.subscribe(
            user_id,
            snapshot_size=snapshot_size,
            heartbeat_interval=heartbeat_interval,
            strict=strict,
        )
        return self._live_inbox(subscription, user_id, open_timeout)

    @abstractmethod
    def _open(self, progress: Progress, bookmark: Bookmark) -> AsyncSubscription: ...

    @abstractmethod
    def _live_inbox(
        self, subscription: AsyncSubscription, user_id: str, open_timeout: float | None
    ) -> AsyncLiveInbox: ...
