"""The validator finds each seeded fault, names it, and finds nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.histories.properties import Property
from tests.histories.recording import Answer, Counters, History, Response
from tests.histories.seeding import clean_history, edit, edit_final, message_id, request_id
from tests.histories.validating import validate

ORDERED, UNIQUE, CONTIGUOUS = Property.ORDERED, Property.UNIQUE, Property.CONTIGUOUS
RESUMABLE, NEVER_AHEAD = Property.RESUMABLE, Property.NEVER_AHEAD
KEPT, ADDRESSED = Property.KEPT, Property.ADDRESSED

_Seed = Callable[[History], None]


def _without(place: int) -> Callable[[Response], Response]:
    return lambda d: replace(d, changes=d.changes[:place] + d.changes[place + 1 :])


def _doubled(place: int) -> Callable[[Response], Response]:
    return lambda d: replace(d, changes=(*d.changes[:place], d.changes[place], *d.changes[place:]))


def _reversed(response: Response) -> Response:
    return replace(response, changes=response.changes[::-1])


def test_a_clean_history_has_every_property() -> None:
    assert validate(clean_history()) == []


def lost_in_live(history: History) -> None:
    edit(history, 0, 2, 2, _without(0))


def lost_in_live_before_a_resume(history: History) -> None:
    edit(history, 0, 0, 2, _without(1))


def lost_in_replay(history: History) -> None:
    edit(history, 0, 2, 0, _without(1))


def lost_in_snapshot(history: History) -> None:
    edit(history, 1, 2, 0, _without(3))


def lost_with_its_response(history: History) -> None:
    del history.subscribers[0].streams[0].responses[1]


def lost_on_disk(history: History) -> None:
    copies = history.finals["ann"].copies
    edit_final(history, "ann", [copy for copy in copies if copy.message_id != message_id(5)])


def never_stored(history: History) -> None:
    history.sends["r9"] = replace(
        history.sends["r8"], request_id="r9", answers=[Answer("m9", 1)], sent_at=90, answered_at=91
    )


def doubled_in_live(history: History) -> None:
    edit(history, 0, 0, 2, _doubled(1))


def doubled_in_replay(history: History) -> None:
    edit(history, 0, 2, 0, _doubled(0))


def doubled_across_a_resume(history: History) -> None:
    # The stream resumes from 5, and delivers that revision once more.
    again = history.subscribers[0].streams[0].responses[2].changes[1]
    edit(history, 0, 2, 0, lambda d: replace(d, changes=(again, *d.changes), after_revision=4))


def doubled_by_a_retry(history: History) -> None:
    history.sends[request_id(2)].answers.append(Answer("m99", 1))


def doubled_on_disk(history: History) -> None:
    first, *others = history.finals["bob"].copies
    again = replace(first, notification_id="other", revision=6, arrive_revision=6)
    history.finals["bob"] = replace(history.finals["bob"], revision=6)
    edit_final(history, "bob", [again, first, *others])


def reordered_in_live(history: History) -> None:
    edit(history, 0, 0, 2, _reversed)


def reordered_in_replay(history: History) -> None:
    edit(history, 0, 2, 0, _reversed)


def reordered_in_snapshot(history: History) -> None:
    edit(history, 1, 2, 0, _reversed)


def reordered_responses(history: History) -> None:
    responses = history.subscribers[0].streams[0].responses
    responses[1], responses[2] = responses[2], responses[1]


def reordered_in_one_inbox(history: History) -> None:
    # Neither was answered before the other was sent, but bob has them the other way around.
    history.subscribers = []
    history.sends[request_id(6)].answered_at = history.sends[request_id(7)].answered_at = 90
    seventh, sixth, *others = history.finals["bob"].copies
    edit_final(
        history,
        "bob",
        [
            replace(sixth, revision=5, arrive_revision=5),
            replace(seventh, revision=4, arrive_revision=4),
            *others,
        ],
    )


def reordered_in_time(history: History) -> None:
    history.sends[request_id(8)].answered_at = 7


def reordered_in_a_batch(history: History) -> None:
    third, fourth = history.sends[request_id(3)], history.sends[request_id(4)]
    third.place, fourth.place = fourth.place, third.place


def early_cursor_resumed_from(history: History) -> None:
    # The cursor of 5 came to stand for 6, and so 6 never came.
    edit(
        history,
        0,
        2,
        0,
        lambda d: replace(d, after_revision=6, changes=d.changes[1:]),
    )


def early_cursor(history: History) -> None:
    edit(history, 0, 0, 1, lambda d: replace(d, cursor="ann@5"))


def early_cursor_in_a_heartbeat(history: History) -> None:
    edit(history, 0, 2, 1, lambda d: replace(d, cursor="ann@8"))


def cursor_inside_a_snapshot(history: History) -> None:
    responses = history.subscribers[1].streams[2].responses
    whole = responses[0]
    part = replace(
        whole, changes=whole.changes[:2], counters=None, channel_counters={}, caught_up=False
    )
    rest = replace(whole, changes=whole.changes[2:], after_revision=whole.revision)
    responses[:1] = [part, rest]


def cursor_forgotten(history: History) -> None:
    whole = history.subscribers[1].streams[2].responses[0]
    edit(history, 1, 1, 0, lambda _: whole)


def heartbeat_ahead(history: History) -> None:
    edit(history, 0, 2, 1, lambda d: replace(d, revision=8, cursor="ann@8"))


def live_before_caught_up(history: History) -> None:
    edit(history, 0, 0, 0, lambda d: replace(d, caught_up=False, cursor="", counters=None))


def counters_off(history: History) -> None:
    edit(history, 0, 2, 2, lambda d: replace(d, counters=Counters(8, 8, 7)))


def channel_counters_off(history: History) -> None:
    edit(history, 0, 2, 2, lambda d: replace(d, channel_counters={}))


def final_counters_off(history: History) -> None:
    final = history.finals["bob"]
    history.finals["bob"] = replace(final, counters=Counters(5, 4, 5))


def foreign_message(history: History) -> None:
    history.sends[request_id(5)].recipients = ("bob",)
    history.sends[request_id(5)].answers = []


def half_a_send(history: History) -> None:
    # Its outcome is unknown; bob should have had it too.
    history.sends[request_id(5)].recipients = ("ann", "bob")
    history.sends[request_id(5)].answers = []


def failed_and_stored(history: History) -> None:
    history.sends[request_id(5)].answers = []
    history.sends[request_id(5)].failure = "NOT_FOUND"


@pytest.mark.parametrize(
    ("seed", "broken"),
    [
        (lost_in_live, {CONTIGUOUS, RESUMABLE, KEPT}),
        (lost_in_live_before_a_resume, {CONTIGUOUS, RESUMABLE, NEVER_AHEAD, KEPT}),
        (lost_in_replay, {RESUMABLE, KEPT}),
        (lost_in_snapshot, {RESUMABLE}),
        (lost_with_its_response, {CONTIGUOUS, RESUMABLE, NEVER_AHEAD, KEPT}),
        (lost_on_disk, {RESUMABLE, KEPT}),
        (never_stored, {KEPT}),
        (doubled_in_live, {UNIQUE}),
        (doubled_in_replay, {UNIQUE}),
        (doubled_across_a_resume, {UNIQUE, CONTIGUOUS}),
        (doubled_by_a_retry, {UNIQUE}),
        (doubled_on_disk, {UNIQUE, RESUMABLE}),
        (reordered_in_live, {ORDERED}),
        (reordered_in_replay, {ORDERED}),
        (reordered_in_snapshot, {ORDERED}),
        (reordered_responses, {ORDERED, CONTIGUOUS, RESUMABLE, NEVER_AHEAD}),
        (reordered_in_one_inbox, {ORDERED}),
        (reordered_in_time, {ORDERED}),
        (reordered_in_a_batch, {ORDERED}),
        (early_cursor_resumed_from, {NEVER_AHEAD, RESUMABLE, KEPT}),
        (early_cursor, {NEVER_AHEAD}),
        (early_cursor_in_a_heartbeat, {NEVER_AHEAD}),
        (cursor_inside_a_snapshot, {NEVER_AHEAD}),
        (cursor_forgotten, {RESUMABLE}),
        (heartbeat_ahead, {NEVER_AHEAD, CONTIGUOUS, ORDERED}),
        (live_before_caught_up, {CONTIGUOUS}),
        (counters_off, {RESUMABLE}),
        (channel_counters_off, {RESUMABLE}),
        (final_counters_off, {RESUMABLE}),
        (foreign_message, {ADDRESSED}),
        (half_a_send, {ADDRESSED}),
        (failed_and_stored, {ADDRESSED}),
    ],
)
def test_a_seeded_fault_is_found_and_named(seed: _Seed, broken: set[Property]) -> None:
    history = clean_history()
    seed(history)

    violations = validate(history)

    assert {violation.broken for violation in violations} == broken, "\n".join(map(str, violations))


def test_an_unread_inbox_is_no_whole_history() -> None:
    history = clean_history()
    del history.finals["bob"]

    with pytest.raises(ValueError, match="bob"):
        validate(history)


def test_a_cursor_from_nowhere_is_no_whole_history() -> None:
    history = clean_history()
    history.subscribers[0].streams[2].cursor = "ann@7"

    with pytest.raises(ValueError, match="ann@7"):
        validate(history)
