"""The validator: whether a history has every property, and if not, which one breaks where."""

from tests.histories.marks import judge_marks
from tests.histories.properties import Violation
from tests.histories.recording import History
from tests.histories.sends import judge_commit_order, judge_inbox, judge_sends
from tests.histories.streams import judge_subscriber


def validate(history: History) -> list[Violation]:
    """Returns every violation; none of a history that has all properties.

    Raises:
        ValueError: the history is not whole: a recipient or subscriber whose inbox was not read
            in the end, or a stream with a cursor that its subscriber never got.
    """
    users = {subscriber.user_id for subscriber in history.subscribers}
    users.update(*(send.recipients for send in history.sends.values()))
    users.update(marking.user_id for marking in history.markings.values())
    if unread := users - history.finals.keys():
        raise ValueError(f"nobody read the inboxes of {sorted(unread)} in the end")
    found = [*judge_sends(history), *judge_commit_order(history)]
    for user_id, final in history.finals.items():
        found += judge_inbox(history, user_id, final)
        found += judge_marks(history, user_id, final)
    for subscriber in history.subscribers:
        found += judge_subscriber(subscriber, history.finals[subscriber.user_id])
    return found
