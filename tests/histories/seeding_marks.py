"""A history made by hand of marks and a deletion, without a fault, to seed faults into."""

from collections.abc import Sequence
from dataclasses import replace

from tests.histories.holding import Holding
from tests.histories.recording import (
    Answer,
    Change,
    Copy,
    Counters,
    Final,
    History,
    Marked,
    Marking,
    Phase,
    Removed,
    Response,
    Send,
    Stream,
    Subscriber,
)

LASTING, GOING = "orders", "campaign"
"""A channel that stays, and one that is deleted."""

NOTHING = Counters(0, 0, 0)
READ_UP_TO_2 = Marked((), 2, read=True, seen=None)
SEEN_ORDERS = Marked((LASTING,), 6, read=None, seen=True)


def marked_history() -> History:
    """Four sends to one user, three marks and a deletion, and two subscribers.

    Revisions 1 to 4 are arrivals, the second one in the channel that goes; 5 marks the first two
    read, 6 makes the first unread by its id, 7 marks the lasting channel seen, 8 removes the
    second.
    """
    history = History()
    for number in range(1, 5):
        channel_id = GOING if number == 2 else LASTING
        history.sends[f"r{number}"] = Send(
            f"r{number}",
            channel_id,
            ("ann",),
            sent_at=2 * number,
            answers=[Answer(f"m{number}", 1)],
            answered_at=2 * number + 1,
        )
    for request_id, notification_ids, mark, answer in (
        ("u1", (), READ_UP_TO_2, (5, 2)),
        ("u2", ("n1",), Marked((), 0, read=False, seen=None), (6, 1)),
        ("u3", (), replace(SEEN_ORDERS, up_to_revision=0), (7, 2)),
        # There is nothing of that channel any more.
        ("u4", (), Marked((GOING,), 0, read=True, seen=None), (8, 0)),
    ):
        marking = Marking(request_id, "ann", notification_ids, mark, [answer])
        history.markings[request_id] = marking
    history.deleting = {GOING}
    history.deleted = {GOING}
    unread = replace(_arrival(1), revision=6, seen=True)
    history.finals["ann"] = _final(
        8, [replace(_arrival(4), seen=True), replace(_arrival(3), seen=True), unread]
    )
    live = _responses(
        (Phase.SNAPSHOT, 0, 3, [_arrival(3), _arrival(2), _arrival(1)]),
        (Phase.LIVE, 3, 5, [_arrival(4), READ_UP_TO_2]),
        (Phase.LIVE, 5, 6, [unread]),
        (Phase.LIVE, 6, 7, [SEEN_ORDERS]),
        (Phase.LIVE, 7, 8, [Removed("n2")]),
    )
    # The same from revision 3 at once: what changed alone as it stands, marks between.
    late = _responses(
        (Phase.SNAPSHOT, 0, 3, [_arrival(3), _arrival(2), _arrival(1)]),
        (
            Phase.REPLAY,
            3,
            8,
            [replace(_arrival(4), seen=True), READ_UP_TO_2, unread, SEEN_ORDERS, Removed("n2")],
        ),
    )
    history.subscribers = [
        Subscriber("ann", [Stream("", 50, live)]),
        Subscriber("ann", [Stream("", 50, late[:1]), Stream("ann@3", 50, late[1:])]),
    ]
    return history


def _arrival(number: int) -> Copy:
    channel_id = GOING if number == 2 else LASTING
    return Copy(f"n{number}", f"m{number}", f"r{number}", channel_id, number, number)


def _final(revision: int, copies: Sequence[Copy]) -> Final:
    holding = Holding()
    holding.take(_response(Phase.SNAPSHOT, 0, revision, copies))
    return Final(revision, holding.counters(), tuple(copies))


def _responses(*parts: tuple[Phase, int, int, Sequence[Change]]) -> list[Response]:
    """Responses with the counters that belong to what a client then holds."""
    holding = Holding()
    responses = []
    for phase, after, revision, changes in parts:
        response = _response(phase, after, revision, changes)
        touched = holding.take(response)
        channels = holding.channel_counters()
        names = channels.keys() if response.caught_up else touched
        responses.append(
            replace(
                response,
                counters=holding.counters(),
                channel_counters={name: channels.get(name, NOTHING) for name in names},
            )
        )
    return responses


def _response(phase: Phase, after: int, revision: int, changes: Sequence[Change]) -> Response:
    revisions = iter(range(after + 1, revision + 1))
    snapshot = phase is Phase.SNAPSHOT
    return Response(
        phase,
        after,
        revision,
        tuple(
            (change.revision if snapshot and isinstance(change, Copy) else next(revisions), change)
            for change in changes
        ),
        counters_revision=revision,
        cursor=f"ann@{revision}",
        caught_up=phase is not Phase.LIVE,
    )
