"""Judges sends: their notifications in the inboxes, and the order of these."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from tests.histories.properties import Property, Violation
from tests.histories.recording import Counters, Final, History, Send


def judge_sends(history: History) -> Iterator[Violation]:
    """Judges each send, and the names that sends and messages have for one another."""
    holders: dict[str, set[str]] = defaultdict(set)
    messages: dict[str, set[str]] = defaultdict(set)
    requests: dict[str, set[str]] = defaultdict(set)
    for user_id, final in history.finals.items():
        for copy in final.copies:
            holders[copy.request_id].add(user_id)
            messages[copy.request_id].add(copy.message_id)
            requests[copy.message_id].add(copy.request_id)
    for send in history.sends.values():
        for answer in send.answers:
            messages[send.request_id].add(answer.message_id)
            requests[answer.message_id].add(send.request_id)
        if send.channel_id in history.deleting:
            continue  # what it came to went, or may have gone
        yield from _judge_send(send, holders[send.request_id])
    for request_id, made in messages.items():
        if len(made) > 1:
            yield Violation(Property.UNIQUE, request_id, f"made {len(made)} messages")
    for message_id, made_by in requests.items():
        if len(made_by) > 1:
            yield Violation(Property.UNIQUE, message_id, f"was made by {sorted(made_by)}")


def _judge_send(send: Send, holders: set[str]) -> Iterator[Violation]:
    recipients = set(send.recipients)
    for answer in send.answers:
        if answer.accepted_count != len(recipients):
            what = f"{answer.accepted_count} accepted of {len(recipients)} recipients"
            yield Violation(Property.KEPT, send.request_id, what)
    if send.answers:
        for user_id in sorted(recipients - holders):
            what = f"acknowledged, but not in the inbox of {user_id}"
            yield Violation(Property.KEPT, send.request_id, what)
    elif holders and (send.failure or not holders >= recipients):
        what = f"not acknowledged, and in the inboxes of {sorted(holders)} alone"
        yield Violation(Property.ADDRESSED, send.request_id, what)
    for user_id in sorted(holders - recipients):
        what = f"not sent to {user_id}, but in that inbox"
        yield Violation(Property.ADDRESSED, send.request_id, what)


def judge_inbox(history: History, user_id: str, final: Final) -> Iterator[Violation]:
    """Judges one inbox as it was read in the end."""
    where = f"inbox of {user_id}"
    for names in (
        Counter(copy.message_id for copy in final.copies),
        Counter(copy.notification_id for copy in final.copies),
    ):
        for name, number in names.items():
            if number > 1:
                yield Violation(Property.UNIQUE, where, f"{name} is in it {number} times")
    arrivals = [copy.arrive_revision for copy in final.copies]
    if any(later >= earlier for earlier, later in pairwise([final.revision + 1, *arrivals])):
        yield Violation(Property.ORDERED, where, "it is not listed latest arrival first")
    recount = Counters(
        len(final.copies),
        sum(not copy.read for copy in final.copies),
        sum(not copy.seen for copy in final.copies),
    )
    if final.counters != recount:
        what = f"its counts are {final.counters}, a recount gives {recount}"
        yield Violation(Property.RESUMABLE, where, what)
    yield from _judge_arrivals(history, where, final)


def _judge_arrivals(history: History, where: str, final: Final) -> Iterator[Violation]:
    """What was answered before another was sent stands before it; a batch's items in order."""
    latest_sent = 0
    places: dict[str, int] = {}
    for copy in sorted(final.copies, key=lambda copy: copy.arrive_revision):
        send = history.sends.get(copy.request_id)
        if send is None:
            what = f"message {copy.message_id} was sent by nobody"
            yield Violation(Property.ADDRESSED, where, what)
            continue
        if send.answered_at is not None and send.answered_at < latest_sent:
            what = f"{send.request_id} stands behind one sent after its answer"
            yield Violation(Property.ORDERED, where, what)
        latest_sent = max(latest_sent, send.sent_at)
        if send.batch:
            if send.place < places.get(send.batch, 0):
                what = f"{send.request_id} stands behind a later item of its batch"
                yield Violation(Property.ORDERED, where, what)
            places[send.batch] = max(send.place, places.get(send.batch, 0))


def judge_commit_order(history: History) -> Iterator[Violation]:
    """Judges that all inboxes show messages in one order, that of their commits."""
    order = TopologicalSorter[str]()
    for final in history.finals.values():
        arrived = sorted(final.copies, key=lambda copy: copy.arrive_revision)
        for earlier, later in pairwise(arrived):
            if earlier.message_id != later.message_id:
                order.add(later.message_id, earlier.message_id)
    try:
        order.prepare()
    except CycleError as error:
        what = f"they disagree on the order of {sorted(set(error.args[1]))}"
        yield Violation(Property.ORDERED, "inboxes", what)
