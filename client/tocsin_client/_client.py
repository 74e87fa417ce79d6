"""The client that blocks."""

import threading
from contextlib import ExitStack
from typing import Self
from weakref import WeakSet

from tocsin_client._connections import Connect, Connector, StreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._live_inbox import LiveInbox
from tocsin_client._progress import Progress
from tocsin_client._retries import TIMEOUT, Pacing
from tocsin_client._services.channels import Channels
from tocsin_client._services.following import Following
from tocsin_client._services.marks import Marks
from tocsin_client._services.messages import Messages
from tocsin_client._stream_reader import Reader, Sleep
from tocsin_client._subscription import Subscription
from tocsin_client._target import parse_target
from tocsin_client._unary import Calls


class Client(Channels, Messages, Marks, Following):
    """Calls a server from programs without an event loop: Django, Flask, Celery.

    ```python
    with Client("127.0.0.1:50051") as client:
        client.send("marketing-clue", "A new lead", to=["alice"], url="/leads/42")
        with client.subscribe("alice") as subscription:
            for update in subscription:
                ...
    ```

    One client serves a whole process, and all its threads at once. It connects at its first call,
    and again whenever it must. A call that finds no server, or that the server asks to repeat, is
    repeated within `timeout`. Every change carries a request id, so that it happens once.

    A forked process needs a client of its own, or one that had not connected before the fork: make
    it where gunicorn's and Celery's workers begin. A client that had connected raises RuntimeError
    in the other process, instead of hanging.

    Methods raise a `CallError`: DeadlineExceeded when no answer came in time, and the errors that
    their RPCs document. They raise TypeError for an argument of the wrong type, and RuntimeError
    when the client is closed. They return and list messages of `tocsin.v1`.
    """

    def __init__(
        self,
        target: str,
        *,
        timeout: float = TIMEOUT,
        root_certificates: bytes | None = None,
        _connect: Connect | None = None,
        _pacing: Pacing | None = None,
        _sleep: Sleep | None = None,
    ) -> None:
        """Prepares a client; nothing connects yet.

        Args:
            target: `host:port`, `[ipv6]:port` or `unix:path`; or, where it is encrypted,
                `tls://host:port`.
            timeout: How many seconds a call may take, repeats included; each method takes another
                for one call. A call that gets no answer may take a tenth longer, at most 0.2
                seconds, to find out why. Streams have no limit.
            root_certificates: The certificates that `tls://` trusts, in PEM form. By default, those
                that the system trusts.

        Raises:
            ValueError: `target` has another form, `timeout` is no duration that a thread can wait
                for, or `root_certificates` do not fit.
            TypeError: An argument has the wrong type.
        """
        parsed = parse_target(target, root_certificates)
        self._connector = Connector(_connect or parsed.channel, parsed.proxy)
        self._pacing = _pacing or Pacing()
        self._sleep = _sleep
        self._calls = Calls(self._connector, timeout, self._pacing, _sleep)
        self._streams = StreamChannels(self._connector)
        self._lock = threading.Lock()
        # Weak, so that Python can collect a subscription that is dropped without being closed.
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every subscription and call, and disconnects. Repeating it does nothing."""
        if self._connector.forked:
            # The open channels belong to the other process.
            return
        with self._lock:
            self._calls.closed = True
            subscriptions = list(self._subscriptions)
        # When closing one of them raises, the others are closed all the same.
        with ExitStack() as ends:
            ends.callback(self._calls.close)
            ends.callback(self._streams.close)
            for subscription in subscriptions:
                ends.callback(subscription.close)

    def _open(self, progress: Progress, bookmark: Bookmark) -> Subscription:
        reader = Reader(self._streams, progress, bookmark, self._sleep)
        subscription = Subscription(self._connector, reader, progress)
        with self._lock:
            self._calls.check_open()
            self._subscriptions.add(subscription)
        return subscription

    def _live_inbox(
        self, subscription: Subscription, user_id: str, open_timeout: float | None
    ) -> LiveInbox:
        return LiveInbox(self._connector, subscription, self, user_id, open_timeout)
