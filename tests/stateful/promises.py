"""The eight promises of docs/guarantees.md, as checks; each raises `Broken` in its own name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NoReturn

from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse
from tocsin_server.domain.model.cursors import Cursor

from tests.histories.recording import Counters
from tests.stateful.model import Copy, Inbox, State, listed, recount, recount_channels

LIVE = SubscribePhase.SUBSCRIBE_PHASE_LIVE
REPLAY = SubscribePhase.SUBSCRIBE_PHASE_REPLAY
SNAPSHOT = SubscribePhase.SUBSCRIBE_PHASE_SNAPSHOT


class Broken(AssertionError):
    """A promise does not hold."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


def acknowledged_is_durable(inbox: Inbox, found: Iterable[Copy]) -> None:
    """What was answered with OK, sends and marks, is in the inbox."""
    stored = {copy.message_id: copy for copy in found}
    if lost := inbox.now.keys() - stored.keys():
        _broken(acknowledged_is_durable, f"{inbox.user_id} lacks the messages {sorted(lost)}")
    for message_id, copy in inbox.now.items():
        state = stored[message_id].seen_time, stored[message_id].read_time
        if state != (copy.seen_time, copy.read_time):
            what = f"{message_id} is {state} for {inbox.user_id}, by what was answered {copy}"
            _broken(acknowledged_is_durable, what)


def once(made: Mapping[str, set[str]], inbox: Inbox, found: Iterable[Copy]) -> None:
    """A request id made one message, and a message one notification a user."""
    for request_id, message_ids in made.items():
        if len(message_ids) > 1:
            _broken(once, f"{request_id} made the messages {sorted(message_ids)}")
    for message_id, number in Counter(copy.message_id for copy in found).items():
        if number > 1:
            _broken(once, f"{message_id} is in the inbox of {inbox.user_id} {number} times")
        if message_id not in inbox.now:
            _broken(once, f"{message_id} came to {inbox.user_id} though it is not there any more")


def ordered_and_gap_free(
    inbox: Inbox, response: SubscribeResponse, states: Sequence[State]
) -> None:
    """Each change took one revision; LIVE shows each once, by the changes that it was.

    `states` holds what a LIVE response's changes make, revision by revision, of the inbox as it
    stood before.
    """
    after, revision = response.after_revision, response.revision
    if not after <= revision <= inbox.revision:
        what = f"a response covers ({after}, {revision}] of {inbox.revision} revisions"
        _broken(ordered_and_gap_free, what)
    revisions = [change.revision for change in response.changes]
    runs = [at for at, _ in groupby(revisions)]
    if response.phase == SNAPSHOT:
        arrivals = [change.upserted.arrive_revision for change in response.changes]
        good = all(later < earlier for earlier, later in pairwise(arrivals))
    elif response.phase == REPLAY:
        last = revision if response.caught_up else revision + 1
        good = runs == sorted(set(runs)) and all(after < at <= last for at in runs)
    else:  # LIVE, or what carries nothing
        good = runs == list(range(after + 1, revision + 1))
    if not good:
        phase = SubscribePhase.Name(response.phase)
        _broken(ordered_and_gap_free, f"{phase} of ({after}, {revision}] carries {revisions}")
    for at, state in zip(runs, states, strict=False):
        if state != inbox.at[at]:
            what = f"the changes of {at} make {state}, the inbox became {inbox.at[at]}"
            _broken(ordered_and_gap_free, what)


def stands_in_order(inbox: Inbox, revision: int, found: Sequence[Copy]) -> None:
    """The part of `ordered_and_gap_free` that a read shows: the revision that the inbox has reached."""
    if revision != inbox.revision:
        what = f"{inbox.user_id} is at {revision} after {inbox.revision} changes"
        _broken(ordered_and_gap_free, what)
    if list(found) != listed(inbox.now):
        what = f"{inbox.user_id} has {found} in the place of {listed(inbox.now)}"
        _broken(ordered_and_gap_free, what)


def resumable(state: State, held: State, floor: int, *, over: bool) -> None:
    """The state of a stream's cursor, with the stream's changes applied, is the inbox.

    Below `floor` a client may lack what arrived: its SNAPSHOT was not to hold all. `over` says
    that a cursor that must lead on was answered with a SNAPSHOT.
    """
    if over:
        _broken(resumable, "a cursor within its retention was answered with a SNAPSHOT")
    expected = {
        message_id: copy
        for message_id, copy in state.items()
        if copy.arrive_revision >= floor or message_id in held
    }
    if held != expected:
        what = f"{_different(held, expected)} is held, {_different(expected, held)} is there"
        _broken(resumable, what)


def never_ahead(response: SubscribeResponse, covered: int | None = None) -> None:
    """A cursor covers what its stream delivered: up to the response's revision, or into the next.

    `covered` is up to where the stream had come that gave the cursor which this one resumes from.
    """
    if covered is not None and response.after_revision > covered:
        what = f"a cursor given at {covered} covers {response.after_revision}"
        _broken(never_ahead, what)
    if response.cursor:
        position = Cursor.parse(response.cursor).position
        inside = bool(position.sequence)
        last = response.changes[-1].revision if response.changes else 0
        if (
            position.revision > response.revision
            or (inside and response.phase == REPLAY and last != position.revision + 1)
            or (inside and response.phase in {LIVE, SNAPSHOT})
        ):
            what = f"the cursor of a response up to {response.revision} covers {position}"
            _broken(never_ahead, what)


def counters_are_true(
    state: State, counters: Counters, of_channels: Mapping[str, Counters] | None = None
) -> None:
    """Counters are a recount, those of the channels too that are given."""
    if counters != recount(state.values()):
        what = f"{counters} are given, a recount is {recount(state.values())}"
        _broken(counters_are_true, what)
    true = recount_channels(state)
    for channel_id, of_channel in (of_channels or {}).items():
        if of_channel != true.get(channel_id, Counters(0, 0, 0)):
            what = f"{of_channel} of {channel_id} are given, a recount is {true.get(channel_id)}"
            _broken(counters_are_true, what)


def a_slow_reader_harms_only_itself(
    pending: tuple[int, int], most: tuple[int, int], *, waited: str = ""
) -> None:
    """No stream has more pending than a response holds; no other stream waits for it.

    `waited` names a call that a stream which is not read kept waiting.
    """
    if pending > most:
        what = f"{pending} changes and bytes are pending, {most} fit a response"
        _broken(a_slow_reader_harms_only_itself, what)
    if waited:
        _broken(a_slow_reader_harms_only_itself, f"{waited} waited for a stream that is not read")


def yours_alone(
    inbox: Inbox, found: Iterable[tuple[str, str]], recipients: Mapping[str, Sequence[str]]
) -> None:
    """Every (user, message) that an inbox gives is its own user's, and was sent to that user."""
    for user_id, message_id in found:
        if user_id != inbox.user_id or user_id not in recipients.get(message_id, (user_id,)):
            what = f"{inbox.user_id} is given {message_id} of {user_id}"
            _broken(yours_alone, what)


def _different(state: State, other: State) -> list[Copy]:
    return [copy for message_id, copy in state.items() if other.get(message_id) != copy]


def _broken(promise: object, what: str) -> NoReturn:
    raise Broken(getattr(promise, "__name__", ""), what)
