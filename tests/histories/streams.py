"""Judges streams: each response against those before it, and the sum of them against the inbox."""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from tests.histories.holding import Holding, name_of
from tests.histories.properties import Property, Violation
from tests.histories.recording import Copy, Counters, Final, Phase, Response, Subscriber

Found = Iterator[tuple[Property, str]]


def judge_subscriber(subscriber: Subscriber, final: Final) -> Iterator[Violation]:
    """Judges what one subscriber got.

    The store must not have dropped history meanwhile, nor been restored: then every cursor that
    it gave leads on.
    """
    holding = Holding()
    messages: dict[str, str] = {}
    where = f"stream of {subscriber.user_id}"
    for number, stream in enumerate(subscriber.streams, 1):
        place = f"{where}, number {number}"
        holding.open(stream)
        caught_up = False
        for index, response in enumerate(stream.responses):
            if index == 0:
                for broken, what in _of_opening(stream.cursor, holding, response, final):
                    yield Violation(broken, place, what)
            for broken, what in (
                *_of_place(holding, response, first=index == 0, caught_up=caught_up),
                *_of_changes(response),
                *_of_order(holding, response),
                *_of_repeats(holding, response, messages),
                *_of_cursor(holding, response),
            ):
                yield Violation(broken, place, what)
            caught_up = response.caught_up or (
                caught_up and response.phase not in {Phase.SNAPSHOT, Phase.REPLAY}
            )
            touched = holding.take(response)
            for broken, what in _of_counters(holding, response, touched):
                yield Violation(broken, place, what)
    for broken, what in _of_end(holding, final):
        yield Violation(broken, where, what)
    missed = {copy.message_id for copy in final.copies if copy.arrive_revision >= holding.floor}
    for message_id in sorted(missed - messages.keys()):
        yield Violation(Property.KEPT, where, f"message {message_id} was never delivered")


def _of_opening(cursor: str, holding: Holding, response: Response, final: Final) -> Found:
    """How a stream that resumes goes on, by what its cursor's holder had."""
    if not cursor:
        if response.phase not in {Phase.SNAPSHOT, Phase.RECONNECT}:
            yield Property.CONTIGUOUS, f"{response.phase.name} opens a stream without a cursor"
        return
    if response.phase is Phase.SNAPSHOT:
        yield Property.RESUMABLE, "a cursor of this history was answered with a SNAPSHOT"
        return
    held = holding.revision or 0
    if response.after_revision > held:
        yield (
            Property.NEVER_AHEAD,
            f"a cursor covers {response.after_revision}, its stream had reached {held}",
        )
    if response.after_revision < held:
        yield (
            Property.CONTIGUOUS,
            f"resumed after {response.after_revision}, though its cursor was given at {held}",
        )
    for copy in final.copies:
        key = copy.notification_id, copy.revision
        if (
            copy.revision <= max(response.after_revision, held)
            and copy.arrive_revision >= holding.floor
            and key not in holding.delivered
        ):
            yield (
                Property.NEVER_AHEAD,
                f"the cursor covers revision {copy.revision}, which was not delivered before",
            )


def _of_place(holding: Holding, response: Response, *, first: bool, caught_up: bool) -> Found:
    """Rule 1: where a response goes on, and which may follow which."""
    after, revision, phase = response.after_revision, response.revision, response.phase
    if (
        not (first or holding.starts_over(response) or holding.revision is None)
        and after != holding.revision
    ):
        yield Property.CONTIGUOUS, f"{phase.name} goes on after {after}, not {holding.revision}"
    if revision < after:
        yield Property.CONTIGUOUS, f"{phase.name} goes back from {after} to {revision}"
    if phase in {Phase.HEARTBEAT, Phase.RECONNECT} and (revision != after or response.changes):
        ahead = response.cursor and revision > (holding.revision or 0)
        broken = Property.NEVER_AHEAD if ahead else Property.CONTIGUOUS
        yield broken, f"{phase.name} moves from {after} to {revision}"
    if phase in {Phase.LIVE, Phase.HEARTBEAT} and not caught_up:
        yield Property.CONTIGUOUS, f"{phase.name} comes before the stream has caught up"
    if phase is Phase.REPLAY and not holding.whole:
        yield Property.CONTIGUOUS, "REPLAY comes before a SNAPSHOT is complete"
    if response.caught_up and phase not in {Phase.SNAPSHOT, Phase.REPLAY}:
        yield Property.CONTIGUOUS, f"{phase.name} says that the stream has caught up"


def _of_changes(response: Response) -> Found:
    """Rules 2 and 3: what a response that covers (after, revision] carries."""
    after, revision = response.after_revision, response.revision
    carried = {at for at, _ in response.changes}
    if response.phase is Phase.LIVE:
        covered = set(range(after + 1, revision + 1))
        if carried != covered:
            lacks, has = _some(covered - carried), _some(carried - covered)
            what = f"LIVE of ({after}, {revision}] lacks {lacks}, and has {has} beyond it"
            yield Property.CONTIGUOUS, what
    if response.phase is Phase.REPLAY:
        last = revision if response.caught_up else revision + 1
        if outside := {at for at in carried if not after < at <= last}:
            yield Property.CONTIGUOUS, f"REPLAY of ({after}, {revision}] has {_some(outside)}"
    for at, copy in response.changes:
        if not isinstance(copy, Copy):
            if response.phase is Phase.SNAPSHOT:
                yield Property.CONTIGUOUS, f"a SNAPSHOT has the change of {at}, {copy}"
        elif at != copy.revision:
            yield Property.CONTIGUOUS, f"the change of {at} has a notification of {copy.revision}"


def _of_order(holding: Holding, response: Response) -> Found:
    """The order inside a response: by revision, in a SNAPSHOT that of lists."""
    if response.phase is Phase.SNAPSHOT:
        copies = [copy for _, copy in response.changes if isinstance(copy, Copy)]
        places = [copy.arrive_revision for copy in copies]
        if not holding.starts_over(response) and holding.copies:
            places.insert(0, min(copy.arrive_revision for copy in holding.copies.values()))
        if any(later >= earlier for earlier, later in pairwise(places)):
            yield Property.ORDERED, f"a SNAPSHOT is not in list order: {places}"
        return
    runs = [at for at, _ in groupby(at for at, _ in response.changes)]
    if any(later <= earlier for earlier, later in pairwise(runs)):
        yield Property.ORDERED, f"{response.phase.name} has the revisions in the order {runs}"
    for at, change in response.changes:
        new = name_of(at, change) not in holding.delivered
        if new and at <= (holding.revision or 0):
            yield Property.ORDERED, f"the change of {at} comes after {holding.revision}"


def _of_repeats(holding: Holding, response: Response, messages: dict[str, str]) -> Found:
    """What comes though it came before; `messages` is whose notification each message made."""
    delivered = set() if holding.starts_over(response) else holding.delivered
    seen: set[tuple[str, int]] = set()
    for at, copy in response.changes:
        key = name_of(at, copy)
        if key in seen or key in delivered:
            yield Property.UNIQUE, f"the change of {at} to {key[0] or 'many'} came twice"
        seen.add(key)
        if not isinstance(copy, Copy):
            continue
        notification_id = messages.setdefault(copy.message_id, copy.notification_id)
        if notification_id != copy.notification_id:
            yield Property.UNIQUE, f"message {copy.message_id} made two notifications"


def _of_cursor(holding: Holding, response: Response) -> Found:
    """Which responses have a cursor, and that it stands for one place."""
    if not response.cursor:
        if response.caught_up or response.phase in {Phase.REPLAY, Phase.LIVE, Phase.HEARTBEAT}:
            yield Property.RESUMABLE, f"{response.phase.name} at {response.revision} has no cursor"
        return
    if response.phase is Phase.SNAPSHOT and not response.caught_up:
        yield Property.NEVER_AHEAD, "a cursor came before the SNAPSHOT was complete"
    given_at = holding.given_at(response.cursor)
    if given_at is not None and given_at != response.revision:
        yield (
            Property.NEVER_AHEAD,
            f"the cursor of revision {response.revision} was already given at {given_at}",
        )


def _of_counters(holding: Holding, response: Response, touched: set[str]) -> Found:
    """Checks that the counts have the response's revision, and are a recount of the state."""
    if response.counters is None:
        if response.caught_up or response.phase is Phase.LIVE:
            yield Property.RESUMABLE, f"{response.phase.name} at {response.revision} has no counts"
        return
    if response.counters_revision != response.revision:
        yield (
            Property.RESUMABLE,
            f"the counts at {response.revision} are of {response.counters_revision}",
        )
    if holding.floor or not holding.settled:
        return
    if response.counters != (counted := holding.counters()):
        what = f"{response.counters} at {response.revision}, but a recount gives {counted}"
        yield Property.RESUMABLE, what
    recount = holding.channel_counters()
    names = recount.keys() if response.caught_up else touched
    expected = {name: recount.get(name, Counters(0, 0, 0)) for name in names}
    if dict(response.channel_counters) != expected:
        yield Property.RESUMABLE, f"the channels' counts at {response.revision} are no recount"


def _of_end(holding: Holding, final: Final) -> Found:
    """That what is held in the end is what the server has."""
    if holding.revision != final.revision:
        yield (
            Property.RESUMABLE,
            f"the stream ended at {holding.revision}, the inbox is at {final.revision}",
        )
    expected = {
        copy.notification_id: copy
        for copy in final.copies
        if copy.arrive_revision >= holding.floor or copy.notification_id in holding.copies
    }
    if different := expected.items() ^ holding.copies.items():
        arrivals = sorted({copy.arrive_revision for _, copy in different})
        yield Property.RESUMABLE, f"held and stored differ in what arrived at {_some(arrivals)}"


def _some(revisions: Sequence[int] | set[int], most: int = 10) -> str:
    listed = ", ".join(map(str, sorted(revisions)[:most]))
    return listed + ", …" * (len(revisions) > most) if listed else "nothing"
