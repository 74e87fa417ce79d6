"""The state of a subscription across streams: cursor, proof of contiguity, and delays.

Free of transport: the loop that reads the responses passes each to it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from tocsin.v1.inbox_pb2 import ChannelCounters, Inbox, NotificationChange
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeRequest, SubscribeResponse

from tocsin_client import _durations
from tocsin_client._contiguity import Contiguity, Verdict
from tocsin_client._errors import CallError, ContiguityError
from tocsin_client._known_changes import kind_of
from tocsin_client._requests import check_strings, subscribe_request
from tocsin_client._retries import Pacing

_LOGGER = logging.getLogger("tocsin_client")

_SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT
_LIVE = SubscribePhase.SUBSCRIBE_PHASE_LIVE
_HEARTBEAT = SubscribePhase.SUBSCRIBE_PHASE_HEARTBEAT
_RECONNECT = SubscribePhase.SUBSCRIBE_PHASE_RECONNECT

# Errors that another stream would end with, too. Any other may come from a server that restarts, or
# from a network that fails.
_FINAL = {
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "DATA_LOSS",
}


@dataclass(frozen=True, slots=True)
class InboxUpdate:
    """What one response of `Subscribe` brought."""

    phase: SubscribePhase.ValueType
    """SNAPSHOT, REPLAY or LIVE; with `heartbeats=True`, also HEARTBEAT and RECONNECT."""
    starts_over: bool
    """A SNAPSHOT begins: drop what you hold, then apply `changes`."""
    after_revision: int
    """The inbox's revision after which the changes begin."""
    revision: int
    """The inbox's revision up to which you have everything with these changes."""
    changes: Sequence[NotificationChange]
    """What changed, ordered by revision; in a SNAPSHOT in list order."""
    inbox: Inbox | None
    """The inbox's counters as of `revision`. Set in LIVE, and with `caught_up`."""
    channel_counters: Sequence[ChannelCounters]
    """Counters as of `revision`: in LIVE of each channel touched; at the end of a SNAPSHOT or
    REPLAY of all, over as many updates of one `revision` as it takes, up to the one that has
    `caught_up`."""
    cursor: str
    """Resumes after this update; empty inside a SNAPSHOT."""
    caught_up: bool
    """A SNAPSHOT or REPLAY ends here: you have all that was committed."""


class Progress:
    """How far a subscription has read its inbox, over as many streams as it takes."""

    def __init__(
        self,
        user_id: str,
        *,
        cursor: str,
        snapshot_size: int,
        heartbeat_interval: float,
        heartbeats: bool,
        strict: bool,
        pacing: Pacing,
    ) -> None:
        check_strings(cursor=cursor)
        _durations.check_number("heartbeat_interval", heartbeat_interval)
        if not heartbeat_interval > 0:
            raise ValueError("heartbeat_interval must be more than 0 seconds")
        self._request = subscribe_request(
            user_id, snapshot_size=snapshot_size, heartbeat_interval=heartbeat_interval
        )
        self._heartbeat_interval = heartbeat_interval
        self._heartbeats = heartbeats
        self._strict = strict
        self._pacing = pacing
        self._contiguity = Contiguity()
        self._failures = 0
        self.cursor = cursor
        self.violations = 0
        # Why the last stream ended, until another has caught up; empty otherwise.
        self.interruption = ""
        # Seconds to wait before the next stream; None while one is open, and before the first.
        self.delay: float | None = None

    @property
    def patience(self) -> float:
        """After how many seconds without a response the link is dead."""
        return (
            self._heartbeat_interval * self._pacing.heartbeats_missed
            + self._pacing.heartbeat_margin
        )

    @property
    def waits_for_server(self) -> bool:
        """Whether the next stream waits until there is a server.

        Only the first does not: it fails at once, and the log says why. Were the others to fail,
        too, their delays would add to those between the channel's attempts to connect.
        """
        return self._failures > 0

    def open_stream(self) -> SubscribeRequest:
        """A stream begins; returns its request."""
        self.delay = None
        self._contiguity.open_stream(resumed=bool(self.cursor))
        self._request.cursor = self.cursor
        return self._request

    def receive(self, response: SubscribeResponse) -> InboxUpdate | None:
        """Takes a response, and returns the update for the user, if any.

        When `delay` is set afterwards, leave the stream.

        Raises:
            ContiguityError: The response breaks a rule, and the subscription is strict.
        """
        if None in map(kind_of, response.changes):
            # Only a newer server sends such a change; a SNAPSHOT shows its effect.
            self.cursor = ""
            self.interrupt("a change of an unknown kind")
            return None
        verdict = self._contiguity.take(response)
        if verdict.violations:
            self._count(verdict)
        if verdict.starts_over:
            self.cursor = ""
        if verdict.resumable:
            self.cursor = response.cursor
        if response.phase == _RECONNECT:
            delay = response.reconnect_delay
            self.interrupt("the server is stopping", at_least=delay.seconds + delay.nanos / 1e9)
        else:
            self._failures = 0
            # LIVE and HEARTBEAT come only after the end of a SNAPSHOT or REPLAY.
            if response.caught_up or response.phase in {_LIVE, _HEARTBEAT}:
                self.interruption = ""
        if response.phase in {_HEARTBEAT, _RECONNECT} and not self._heartbeats:
            return None
        return _update(response, verdict)

    def survives(self, error: CallError) -> bool:
        """Takes a stream's error: whether to open another stream, after `delay`."""
        if error.code in _FINAL:
            return False
        self.interrupt(str(error), at_least=error.retry_delay or 0.0)
        return True

    def interrupt(self, cause: str, *, at_least: float = 0.0) -> None:
        """The stream has ended; sets the delay before the next."""
        self.interruption = cause
        self.delay = at_least + self._pacing.back_off(self._failures)
        self._failures += 1
        _LOGGER.info(
            "stream of %s over, next in %.2f s: %s", self._request.user_id, self.delay, cause
        )

    def _count(self, verdict: Verdict) -> None:
        self.violations += len(verdict.violations)
        message = f"stream of {self._request.user_id}: " + "; ".join(verdict.violations)
        if self._strict:
            raise ContiguityError(message)
        _LOGGER.warning(message)


def _update(response: SubscribeResponse, verdict: Verdict) -> InboxUpdate:
    return InboxUpdate(
        phase=response.phase,
        starts_over=verdict.starts_over,
        after_revision=response.after_revision,
        revision=response.revision,
        changes=response.changes,
        inbox=response.inbox if response.HasField("inbox") else None,
        channel_counters=response.channel_counters,
        cursor=response.cursor if verdict.resumable else "",
        caught_up=response.caught_up,
    )
