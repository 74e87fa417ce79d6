"""Judges marks and deletions: that what was acknowledged is how the inboxes stand in the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.histories.properties import Property, Violation
from tests.histories.recording import Copy, Final, History, Marking, marked


def judge_marks(history: History, user_id: str, final: Final) -> Iterator[Violation]:
    """Judges an inbox by the marks of it, each of which was answered: they say how it stands."""
    markings = [each for each in history.markings.values() if each.user_id == user_id]
    where = f"inbox of {user_id}"
    for marking in markings:
        if len(set(marking.answers)) != 1:
            what = f"{marking.request_id} was answered {marking.answers}"
            yield Violation(Property.UNIQUE, where, what)
    taken = {
        revision: marking
        for marking in markings
        for revision, updated_count in marking.answers[:1]
        if updated_count
    }
    changes = Counter(
        marking.answers[0][0] for marking in markings if marking.answers and marking.answers[0][1]
    )
    for revision, number in changes.items():
        if number > 1 or revision > final.revision:
            what = f"{number} marks took the revision {revision} of {final.revision}"
            yield Violation(Property.ORDERED, where, what)
    for copy in final.copies:
        expected = _after(copy, sorted(taken.items()))
        if copy != expected:
            what = f"{copy.message_id} is {copy}, by the marks {expected}"
            yield Violation(Property.KEPT, where, what)
        if copy.channel_id in history.deleted:
            what = f"{copy.message_id} is in it, of a channel that was deleted"
            yield Violation(Property.KEPT, where, what)


def _after(copy: Copy, taken: Sequence[tuple[int, Marking]]) -> Copy:
    """A notification as it arrived, after the marks that came later."""
    arrived = copy.arrive_revision
    expected = replace(copy, revision=arrived, seen=False, read=False)
    for revision, marking in taken:
        if revision < arrived:
            continue
        wish = marking.marked
        if marking.notification_ids:
            fits = copy.notification_id in marking.notification_ids
        else:
            # 0 is what was there at the commit, and whatever it is about arrived before it.
            fits = replace(wish, up_to_revision=wish.up_to_revision or revision).fits(copy)
        after = marked(expected, wish.read, wish.seen) if fits else expected
        if after != expected and marking.notification_ids:
            after = replace(after, revision=revision)
        expected = after
    return expected
