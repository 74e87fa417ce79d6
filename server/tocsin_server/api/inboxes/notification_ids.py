"""Ids of notifications: made of the message's and the inbox's digest.

One message is at most once in an inbox, so the two name its copy.
"""

from collections.abc import Iterable, Iterator

from tocsin_server.domain.model.identity import InboxKey


def suffix_of(key: InboxKey) -> str:
    """Returns what follows the message's id in the ids of an inbox's notifications."""
    return "-" + key.digest().hex()


def messages_of(key: InboxKey, notification_ids: Iterable[str]) -> Iterator[str]:
    """Returns the messages' ids of those ids that are of an inbox."""
    suffix = suffix_of(key)
    for notification_id in notification_ids:
        if notification_id.endswith(suffix):
            yield notification_id.removesuffix(suffix)
