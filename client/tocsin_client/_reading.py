"""Reads one inbox's streams in a thread, one update ahead of its user at most.

Reading a synchronous stream of gRPC blocks without a timeout, and only cancelling the stream ends
that. So a thread of its own reads it: whoever waits for an update may stop waiting, and the read
goes on. A watchdog that cancels, in its place, would lose the stream with every wait that ends. One
is needed all the same, for a link that is dead: whoever waits is it, because nobody else minds.
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Protocol, cast

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeResponse

from tocsin_client._channel import StreamChannel, StreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._errors import RpcFailure, error_from
from tocsin_client._resuming import InboxUpdate, Progress

Sleep = Callable[[float], object]


class _Call(Protocol):
    def __next__(self) -> SubscribeResponse: ...
    def cancel(self) -> object: ...


# An attempt to connect may take 5 s, and should not be its stream's last.
_CONNECTING_SECONDS = 10.0


class Ended(Exception):
    """The reader was closed."""


class Reader:
    """Reads what is asked for, and hands it over."""

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
        # Covers what was handed over; may be newer, but never covers what was not.
        self.cursor = progress.cursor
        self._thread: threading.Thread | None = None
        self._asked = False
        self._closed = False
        # Each entry asks for one update, or says that the reader is closed; so it waits on this
        # between two streams, too.
        self._requests: SimpleQueue[None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[InboxUpdate, str] | BaseException] = SimpleQueue()
        # Set by the reader's thread.
        self._channel: StreamChannel | None = None
        self._call: _Call | None = None
        # The call that is read, and since when it has brought nothing.
        self._silent: tuple[_Call, float] | None = None
        # The call that whoever waited gave up.
        self._given_up: _Call | None = None

    def ask(self) -> None:
        """Asks for one update, unless one is asked for."""
        if self._asked:
            return
        self._asked = True
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="tocsin-subscription", daemon=True)
            thread.start()
            # Not before: one that has not started cannot be joined.
            self._thread = thread
        self._requests.put(None)

    def take(self, timeout: float | None) -> InboxUpdate | None:
        """The update that was asked for; None when it did not come in time.

        Raises:
            Ended: The reader was closed.
            CallError: The stream failed for good.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while True:
            wait = self._patience_left()
            if deadline is not None:
                wait = min(wait, deadline - monotonic())
            try:
                answer = self._answers.get(timeout=max(0.0, wait))
            except Empty:
                if self._patience_left() <= 0:
                    self._give_up()
                if deadline is not None and monotonic() >= deadline:
                    return None
                continue
            if isinstance(answer, BaseException):
                raise answer
            self._asked = False
            update, self.cursor = answer
            return update

    def close(self) -> None:
        """Ends the stream, and whoever waits. Any thread may call it, more than once."""
        self._closed = True
        self._requests.put(None)
        call = self._call
        if call is not None:
            call.cancel()

    def join(self) -> None:
        """Returns once the stream is left; after `close`."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                self._requests.get()
                self._check_open()
                self._answers.put(self._advance())
        except BaseException as failure:  # noqa: BLE001  (whoever waits gets it)
            self._answers.put(failure)
        finally:
            self._leave()
            # For whoever comes after the failure.
            self._answers.put(Ended())

    def _advance(self) -> tuple[InboxUpdate, str]:
        progress = self._progress
        if not self._bookmark.loaded:
            progress.cursor = self.cursor = self._bookmark.load()
        # Whoever asks has finished what was given.
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
            # What is taken in and not given is covered by what was given before.
            self.cursor = progress.cursor

    def _open(self) -> _Call:
        if self._progress.delay is not None:
            self._wait(self._progress.delay)
        self._channel = self._channels.take()
        subscribe = self._channel.inboxes.Subscribe
        if self._progress.waits_for_server:
            call = subscribe(self._progress.open_stream(), wait_for_ready=True)
            self._silent = call, monotonic() + _CONNECTING_SECONDS
        else:
            call = subscribe(self._progress.open_stream())
        self._call = call
        # `close` sees the call, or is seen here.
        self._check_open()
        return call

    def _read(self, call: _Call) -> SubscribeResponse | None:
        """The stream's next response; None when it is over and another may follow."""
        if self._silent is None:
            self._silent = call, monotonic()
        try:
            return next(call)
        except StopIteration:
            self._progress.interrupt("the server ended it")
        except grpc.RpcError as failure:
            self._check_open()
            if self._given_up is call and self._channel is not None:
                # The link may be half-open: no other stream should start on it.
                self._channel.retired = True
                self._progress.interrupt(f"no response for {self._progress.patience:g} s")
                return None
            # What grpc raises is a call, too.
            error = error_from(cast("RpcFailure", failure))
            if not self._progress.survives(error):
                raise error from failure
        finally:
            self._silent = None
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
            try:
                self._requests.get(timeout=delay)
            except Empty:
                return
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise Ended

    def _patience_left(self) -> float:
        """Seconds until the link is dead; all of them while nothing is read."""
        silent = self._silent
        patience = self._progress.patience
        return patience if silent is None else silent[1] + patience - monotonic()

    def _give_up(self) -> None:
        silent, self._silent = self._silent, None
        if silent is not None:
            self._given_up = silent[0]
            silent[0].cancel()
