"""Reads one inbox's streams in a thread, one update ahead of its user at most.

Reading a synchronous stream of gRPC blocks without a timeout, and only cancelling the stream ends
that. So a thread of its own reads it: whoever waits for an update may stop waiting, and the read
goes on. A watchdog that cancels, in its place, would lose the stream with every wait that ends. One
is needed all the same, for a link that is dead: whoever waits is it, because nobody else minds.
"""

from collections.abc import Callable
from time import monotonic
from typing import NoReturn, Protocol, cast

import grpc
from tocsin.v1.inbox_service_pb2 import SubscribeResponse

from tocsin_client._connections import StreamChannel, StreamChannels
from tocsin_client._cursors import Bookmark
from tocsin_client._errors import RpcFailure, error_from
from tocsin_client._resuming import InboxUpdate, Progress
from tocsin_client._silence import Silence
from tocsin_client._waking import Bell
from tocsin_client._working import Worker, elsewhere

Sleep = Callable[[float], object]


class _Call(Protocol):
    def __next__(self) -> SubscribeResponse: ...
    def cancel(self) -> object: ...


# An attempt to connect may take 5 s, and should not be its stream's last.
_CONNECTING_SECONDS = 10.0


class Ended(Exception):
    """The reader was closed."""


class Reader:
    """Reads what is asked for, and hands it over.

    Who asks and takes may be the main thread, where a signal's handler may raise anywhere. So both
    may be repeated from wherever they were left, and an update stays until it is given.
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
        # Covers what was handed over; may be newer, but never covers what was not.
        self.cursor = progress.cursor
        self._worker = Worker(self._run, "tocsin-subscription", self._end)
        self._closed = False
        # Whether an update is asked for; and the one that was brought, until it is given.
        self._asked = False
        self._brought: tuple[InboxUpdate, str] | None = None
        # Rings when one is asked for, or the reader is closed; between two streams, too.
        self._to_do = Bell()
        # Rings when one is brought, or none will be.
        self._done = Bell()
        self._silence = Silence(progress.patience)
        # Set by the thread that reads.
        self.over = False
        self._failure: BaseException | None = None
        self._channel: StreamChannel | None = None
        self._call: _Call | None = None

    def ask(self) -> None:
        """Asks for one update, unless one is asked for."""
        if self._brought is not None:
            return
        self._asked = True
        self._worker.start()
        self._to_do.ring()

    def take(self, timeout: float | None) -> InboxUpdate | None:
        """The update that was asked for; None when it did not come in time.

        Raises:
            Ended: The reader was closed.
            CallError: The stream failed for good.
            ContiguityError: The stream broke a rule, and the subscription is strict.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while self._brought is None and not self.over:
            wait = self._silence.patience_left()
            if wait <= 0:
                self._silence.give_up()
                continue
            if deadline is not None:
                wait = min(wait, deadline - monotonic())
                if wait <= 0:
                    return None
            self._done.wait(wait)
        if self._brought is None:
            failure, self._failure = self._failure, None
            if failure is None:
                raise Ended
            raise failure
        # Nothing is called from here on: where a call returns, a signal's handler may raise.
        update, self.cursor = self._brought
        self._asked = False
        self._brought = None
        return update

    def close(self) -> None:
        """Ends the stream, and whoever waits. Any thread may call it, more than once."""
        self._closed = True
        self._to_do.ring()
        call = self._call
        if call is not None:
            elsewhere(call.cancel)

    def join(self) -> None:
        """Returns once the stream is left; after `close`."""
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
        except BaseException as failure:  # noqa: BLE001  (whoever waits gets it)
            self._end(failure)

    def _end(self, failure: BaseException | None) -> None:
        self._failure = failure
        self.over = True
        self._done.ring()

    def _serve(self) -> NoReturn:
        while True:
            self._check_open()
            if self._asked and self._brought is None:
                self._brought = self._advance()
                self._done.ring()
            self._to_do.wait()

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
            self._silence.begin(call, after=_CONNECTING_SECONDS)
        else:
            call = subscribe(self._progress.open_stream())
        self._call = call
        # `close` sees the call, or is seen here.
        self._check_open()
        return call

    def _read(self, call: _Call) -> SubscribeResponse | None:
        """The stream's next response; None when it is over and another may follow."""
        self._silence.begin(call)
        try:
            return next(call)
        except StopIteration:
            self._progress.interrupt("the server ended it")
        except grpc.RpcError as failure:
            self._check_open()
            if self._silence.gave_up(call) and self._channel is not None:
                # The link may be half-open: no other stream should start on it.
                self._channel.retired = True
                self._progress.interrupt(f"no response for {self._progress.patience:g} s")
                return None
            # What grpc raises is a call, too.
            error = error_from(cast("RpcFailure", failure))
            if not self._progress.survives(error):
                raise error from failure
        finally:
            self._silence.end()
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
                self._to_do.wait(left)
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise Ended
