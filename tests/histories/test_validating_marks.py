"""The validator finds each fault seeded into marks and deletions, names it, and finds nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.histories.properties import Property
from tests.histories.recording import Copy, Counters, Final, History, Response
from tests.histories.seeding import edit
from tests.histories.seeding_marks import GOING, READ_UP_TO_2, marked_history
from tests.histories.validating import validate

ORDERED, UNIQUE, CONTIGUOUS = Property.ORDERED, Property.UNIQUE, Property.CONTIGUOUS
RESUMABLE, KEPT = Property.RESUMABLE, Property.KEPT


def _without(place: int) -> Callable[[Response], Response]:
    return lambda d: replace(d, changes=d.changes[:place] + d.changes[place + 1 :])


def _stored(history: History, message_id: str, change: Callable[[Copy], Copy]) -> None:
    """Changes a notification as it stands in the end, with true counters."""
    final = history.finals["ann"]
    copies = tuple(change(c) if c.message_id == message_id else c for c in final.copies)
    history.finals["ann"] = Final(final.revision, _counted(copies), copies)


def _counted(copies: tuple[Copy, ...]) -> Counters:
    unread, unseen = sum(not c.read for c in copies), sum(not c.seen for c in copies)
    return Counters(len(copies), unread, unseen)


def test_a_clean_history_has_every_property() -> None:
    assert validate(marked_history()) == []


def mark_lost_in_live(history: History) -> None:
    edit(history, 0, 0, 1, _without(1))


def mark_lost_in_replay(history: History) -> None:
    edit(history, 1, 1, 0, _without(3))


def mark_lost_on_disk(history: History) -> None:
    _stored(history, "m4", lambda copy: replace(copy, seen=False))


def mark_of_an_id_lost_on_disk(history: History) -> None:
    _stored(history, "m1", lambda copy: replace(copy, read=True, revision=1))


def mark_doubled_in_replay(history: History) -> None:
    edit(
        history,
        1,
        1,
        0,
        lambda d: replace(d, changes=(*d.changes[:2], d.changes[1], *d.changes[2:])),
    )


def mark_doubled_by_a_retry(history: History) -> None:
    history.markings["u3"].answers.append((8, 2))


def mark_beyond_its_arrival_in_live(history: History) -> None:
    further = replace(READ_UP_TO_2, up_to_revision=4)
    edit(history, 0, 0, 1, lambda d: replace(d, changes=(d.changes[0], (5, further))))


def mark_beyond_its_arrival_on_disk(history: History) -> None:
    _stored(history, "m3", lambda copy: replace(copy, read=True))


def mark_of_a_revision_that_another_took(history: History) -> None:
    history.markings["u3"].answers = [(6, 2)]


def mark_of_a_revision_that_is_not_there(history: History) -> None:
    history.markings["u3"].answers = [(9, 2)]


def removal_lost_in_live(history: History) -> None:
    edit(history, 0, 0, 4, _without(0))


def removal_lost_in_replay(history: History) -> None:
    edit(history, 1, 1, 0, _without(4))


def removal_lost_on_disk(history: History) -> None:
    final = history.finals["ann"]
    left = Copy("n2", "m2", "r2", GOING, 2, 2, seen=True, read=True)
    copies = (*final.copies[:2], left, *final.copies[2:])
    history.finals["ann"] = Final(final.revision, _counted(copies), copies)


def removed_in_a_snapshot(history: History) -> None:
    removal = history.subscribers[0].streams[0].responses[4].changes[0]
    edit(history, 1, 0, 0, lambda d: replace(d, changes=(*d.changes, removal)))


def counters_off_after_a_mark(history: History) -> None:
    edit(history, 0, 0, 3, lambda d: replace(d, counters=Counters(4, 3, 1)))


def counters_off_after_a_removal(history: History) -> None:
    edit(history, 0, 0, 4, lambda d: replace(d, counters=Counters(4, 3, 0)))


def channel_counters_off_after_a_removal(history: History) -> None:
    edit(history, 0, 0, 4, lambda d: replace(d, channel_counters={}))


@pytest.mark.parametrize(
    ("seed", "broken"),
    [
        (mark_lost_in_live, {CONTIGUOUS, RESUMABLE}),
        (mark_lost_in_replay, {RESUMABLE}),
        (mark_lost_on_disk, {KEPT, RESUMABLE}),
        (mark_of_an_id_lost_on_disk, {KEPT, RESUMABLE}),
        (mark_doubled_in_replay, {UNIQUE}),
        (mark_doubled_by_a_retry, {UNIQUE}),
        (mark_beyond_its_arrival_in_live, {RESUMABLE}),
        (mark_beyond_its_arrival_on_disk, {KEPT, RESUMABLE}),
        (mark_of_a_revision_that_another_took, {ORDERED, KEPT}),
        (mark_of_a_revision_that_is_not_there, {ORDERED}),
        (removal_lost_in_live, {CONTIGUOUS, RESUMABLE}),
        (removal_lost_in_replay, {RESUMABLE}),
        (removal_lost_on_disk, {KEPT, RESUMABLE}),
        (removed_in_a_snapshot, {CONTIGUOUS, RESUMABLE}),
        (counters_off_after_a_mark, {RESUMABLE}),
        (counters_off_after_a_removal, {RESUMABLE}),
        (channel_counters_off_after_a_removal, {RESUMABLE}),
    ],
)
def test_a_seeded_fault_is_found_and_named(
    seed: Callable[[History], None], broken: set[Property]
) -> None:
    history = marked_history()
    seed(history)

    violations = validate(history)

    assert {violation.broken for violation in violations} == broken, "\n".join(map(str, violations))
