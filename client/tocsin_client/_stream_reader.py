"""Reads one inbox's streams in a thread, at most one update ahead of the caller.

Reading a synchronous stream of gRPC blocks without a timeout, and only cancelling the stream ends
that. So a thread of its own reads: the caller may stop waiting for an update, and the read goes on.
A caller that cancelled the stream when it stops waiting would lose the stream each time. Only a
dead link is cancelled, and the waiting caller does it, because nobody else needs the stream.
"""

from collections.abc import Callable
from time import monotonic
from typing import NoReturn, Protocol, cast

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeResponse

from tocsin_client._connections import StreamChannel, StreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._errors import RpcFailure, error_from
from tocsin_client._progress import InboxUpdate, Progress
from tocsin_client._threads import WakeUp, Worker, run_in_thread
from tocsin_client._watchdog import Watchdog

Sleep = Callable[[float], object]


class _Call(Protocol):
    def __next__(self) -> SubscribeResponse: ...
    def cancel(self) -> object: ...


# An attempt to connect may take 5 s, and should not be its stream's last.
_CONNECTING_SECONDS = 10.0


class Ended(Exception):
    """The reader was closed."""


class Reader:
    """Reads an update when one is requested.

    `request` and `take` may be called in the main thread, where a signal's handler may raise
    anywhere. So both may be interrupted and repeated, and an update stays until it is returned.
    """

    def __init__(
        self,
        channels: StreamChannels,
        progress: Progress,
        bookmark: Bookmark,
        sleep: Sleep | None = None,
    ) -> None:
        self._channels = channels
        self._progress = progress
        self._bookmark = bookmark
        self._sleep = sleep
        # Covers what was returned; may be newer, but never covers what was not.
        self.cursor = progress.cursor
        self._worker = Worker(self._run, "tocsin-subscription", self._end)
        self._closed = False
        # Whether an update is requested; and the one that was received, until it is returned.
        self._requested = False
        self._received: tuple[InboxUpdate, str] | None = None
        # Set when one is requested, or the reader is closed; between two streams, too.
        self._reader_wake_up = WakeUp()
        # Set when one is received, or none will be.
        self._waiter_wake_up = WakeUp()
        self._watchdog = Watchdog(progress.patience)
        # Set by the thread that reads.
        self.ended = False
        self._failure: BaseException | None = None
        self._channel: StreamChannel | None = None
        self._call: _Call | None = None

    def request(self) -> None:
        """Requests one update, unless one is requested already."""
        if self._received is not None:
            return
        self._requested = True
        self._worker.start()
        self._reader_wake_up.set()

    def take(self, timeout: float | None) -> InboxUpdate | None:
        """The requested update; None when it did not come in time.

        Raises:
            Ended: The reader was closed.
            CallError: The stream failed for good.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while self._received is None and not self.ended:
            wait = self._watchdog.seconds_left()
            if wait <= 0:
                self._watchdog.cancel_overdue()
                continue
            if deadline is not None:
                wait = min(wait, deadline - monotonic())
                if wait <= 0:
                    return None
            self._waiter_wake_up.wait(wait)
        if self._received is None:
            failure, self._failure = self._failure, None
            if failure is None:
                raise Ended
            raise failure
        # Nothing is called from here on: where a call returns, a signal's handler may raise.
        update, self.cursor = self._received
        self._requested = False
        self._received = None
        return update

    def close(self) -> None:
        """Ends the stream and every wait. Any thread may call it, more than once."""
        self._closed = True
        self._reader_wake_up.set()
        call = self._call
        if call is not None:
            run_in_thread(call.cancel)

    def join(self) -> None:
        """Returns once the stream has ended; call it after `close`."""
        # A thread that starts from now on finds the reader closed.
        self._worker.join()

    def _run(self) -> None:
        try:
            try:
                self._serve()
            finally:
                self._leave()
        except Ended:
            self._end(None)
        except BaseException as failure:  # noqa: BLE001  (`take` raises it)
            self._end(failure)

    def _end(self, failure: BaseException | None) -> None:
        self._failure = failure
        self.ended = True
        self._waiter_wake_up.set()

    def _serve(self) -> NoReturn:
        while True:
            self._check_open()
            if self._requested and self._received is None:
                self._received = self._advance()
                self._waiter_wake_up.set()
            self._reader_wake_up.wait()

    def _advance(self) -> tuple[InboxUpdate, str]:
        progress = self._progress
        if not self._bookmark.loaded:
            progress.cursor = self.cursor = self._bookmark.load()
        # The caller requests the next update when it has finished the last one.
        self._bookmark.save(self.cursor)
        while True:
            response = self._read(self._call or self._open())
            if response is None:
                self._leave()
                continue
            update = progress.receive(response)
            if progress.delay is not None:
                self._leave()
            if update is not None:
                if update.starts_over:
                    self._bookmark.save("")
                return update, progress.cursor
            # The caller does not get this response: the new cursor covers the same updates.
            self.cursor = progress.cursor

    def _open(self) -> _Call:
        if self._progress.delay is not None:
            self._wait(self._progress.delay)
        self._channel = self._channels.take()
        subscribe = self._channel.inboxes.Subscribe
        if self._progress.waits_for_server:
            call = subscribe(self._progress.open_stream(), wait_for_ready=True)
            self._watchdog.begin(call, after=_CONNECTING_SECONDS)
        else:
            call = subscribe(self._progress.open_stream())
        self._call = call
        # Either `close` has seen the call and cancels it, or it is noticed here.
        self._check_open()
        return call

    def _read(self, call: _Call) -> SubscribeResponse | None:
        """The stream's next response; None when it has ended and another may follow."""
        self._watchdog.begin(call)
        try:
            return next(call)
        except StopIteration:
            self._progress.interrupt("the server ended it")
        except grpc.RpcError as failure:
            self._check_open()
            if self._watchdog.cancelled(call) and self._channel is not None:
                # The link may be half-open: no other stream may start on it.
                self._channel.retired = True
                self._progress.interrupt(f"no response for {self._progress.patience:g} s")
                return None
            # The exception that grpc raises has the methods of a call.
            error = error_from(cast("RpcFailure", failure), proxy=self._channels.proxy)
            if not self._progress.survives(error):
                raise error from failure
        finally:
            self._watchdog.end()
        return None

    def _leave(self) -> None:
        call, self._call = self._call, None
        channel, self._channel = self._channel, None
        if call is not None:
            call.cancel()
        if channel is not None:
            self._channels.release(channel)

    def _wait(self, delay: float) -> None:
        if self._sleep is not None:
            self._sleep(delay)
        else:
            end = monotonic() + delay
            while not self._closed and (left := end - monotonic()) > 0:
                self._reader_wake_up.wait(left)
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise Ended
