"""Histories made by hand: one without a fault, to seed faults into."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.histories.recording import (
    Answer,
    Copy,
    Counters,
    Final,
    History,
    Phase,
    Response,
    Send,
    Stream,
    Subscriber,
)

CHANNEL = "marketing-clue"
AUDIENCES: Sequence[tuple[str, ...]] = [
    ("ann", "bob"),
    ("ann",),
    ("bob", "ann"),
    ("ann", "bob"),
    ("ann",),
    ("ann", "bob"),
    ("ann", "bob"),
    ("ann", "ann"),
]
"""Whom each send goes to: ann gets all eight, bob five."""


def clean_history() -> History:
    """Eight sends to two users, whose streams break off, resume and start over."""
    history = History()
    for number, audience in enumerate(AUDIENCES, 1):
        history.sends[request_id(number)] = Send(
            request_id(number),
            CHANNEL,
            audience,
            sent_at=2 * number,
            batch="b" if number in {3, 4} else "",
            place=number,
            answers=[Answer(message_id(number), len(set(audience)))],
            answered_at=2 * number + 1,
        )
    for user_id in ("ann", "bob"):
        copies = _arrived(user_id)
        history.finals[user_id] = Final(len(copies), _counts(len(copies)), (*reversed(copies),))
    ann, bob = _arrived("ann"), _arrived("bob")
    history.subscribers = [
        Subscriber(
            "ann",
            [
                Stream("", 50, [_snapshot(ann[:2]), _live(ann, 2, 3), _live(ann, 3, 5)]),
                # Nothing came of this attempt.
                Stream(_cursor("ann", 5), 50),
                Stream(
                    _cursor("ann", 5),
                    50,
                    [_replay(ann, 5, 7), _idle("ann", 7), _live(ann, 7, 8), _idle("ann", 8)],
                ),
            ],
        ),
        Subscriber(
            "bob",
            [
                Stream("", 50, [_snapshot([]), _live(bob, 0, 1), _live(bob, 1, 2)]),
                # Before the last cursor: the changes after it are delivered again.
                Stream(_cursor("bob", 1), 50, [_replay(bob, 1, 3)]),
                Stream("", 50, [_snapshot(bob[:4]), _live(bob, 4, 5)]),
            ],
        ),
        # Holds the newest three alone, and learns of the rest.
        Subscriber("ann", [Stream("", 3, [_snapshot(ann[:6], 3), _live(ann, 6, 8)])]),
    ]
    return history


def request_id(number: int) -> str:
    """The request id of a send."""
    return f"r{number}"


def message_id(number: int) -> str:
    """The message that a send made."""
    return f"m{number}"


def edit(
    history: History,
    subscriber: int,
    stream: int,
    response: int,
    change: Callable[[Response], Response],
) -> None:
    """Puts another response in place of one."""
    responses = history.subscribers[subscriber].streams[stream].responses
    responses[response] = change(responses[response])


def edit_final(history: History, user_id: str, copies: Sequence[Copy]) -> None:
    """Replaces a user's final list, and its counts."""
    final = history.finals[user_id]
    history.finals[user_id] = replace(final, copies=tuple(copies), counters=_counts(len(copies)))


def _arrived(user_id: str) -> list[Copy]:
    numbers = [number for number, users in enumerate(AUDIENCES, 1) if user_id in users]
    return [
        Copy(
            f"{message_id(number)}-{user_id}",
            message_id(number),
            request_id(number),
            CHANNEL,
            revision,
            revision,
        )
        for revision, number in enumerate(numbers, 1)
    ]


def _counts(number: int) -> Counters:
    return Counters(number, number, number)


def _cursor(user_id: str, revision: int) -> str:
    return f"{user_id}@{revision}"


def _user(copies: Sequence[Copy]) -> str:
    return copies[0].notification_id.partition("-")[2] if copies else "bob"


def _response(phase: Phase, after: int, revision: int, copies: Sequence[Copy]) -> Response:
    """A response with all that any may have, at a head of `revision`."""
    counts = _counts(revision)
    return Response(
        phase,
        after,
        revision,
        tuple((copy.revision, copy) for copy in copies),
        counts,
        revision,
        {CHANNEL: counts} if revision else {},
        _cursor(_user(copies), revision),
        caught_up=phase is not Phase.LIVE,
    )


def _snapshot(arrived: Sequence[Copy], size: int = 50) -> Response:
    return _response(Phase.SNAPSHOT, 0, len(arrived), arrived[::-1][:size])


def _replay(arrived: Sequence[Copy], after: int, revision: int) -> Response:
    return _response(Phase.REPLAY, after, revision, arrived[after:revision])


def _live(arrived: Sequence[Copy], after: int, revision: int) -> Response:
    return _response(Phase.LIVE, after, revision, arrived[after:revision])


def _idle(user_id: str, revision: int) -> Response:
    return Response(Phase.HEARTBEAT, revision, revision, cursor=_cursor(user_id, revision))
