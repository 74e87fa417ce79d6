"""Ids of notifications: made of the message's and the inbox's digest.

One message is at most once in an inbox, so the two name its copy.
"""

from collections.abc import Iterable, Iterator

from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.limits import MESSAGE_ID_CHARACTERS


def suffix_of(key: InboxKey) -> str:
    """Returns what follows the message's id in the ids of an inbox's notifications."""
    return "-" + key.digest().hex()


def messages_of(key: InboxKey, notification_ids: Iterable[str]) -> Iterator[str]:
    """Returns the ids of the messages whose copies in an inbox have these ids.

    Ids that cannot be ids of this inbox are left out: those with another
    suffix, and those whose message's id is not one that a server makes. (A
    database may refuse such a text, for the character NUL in it.)
    """
    suffix = suffix_of(key)
    for notification_id in notification_ids:
        if notification_id.endswith(suffix):
            message_id = notification_id.removesuffix(suffix)
            if _can_be_made(message_id):
                yield message_id


def _can_be_made(message_id: str) -> bool:
    return (
        0 < len(message_id) <= MESSAGE_ID_CHARACTERS
        and message_id.isascii()
        and message_id.isprintable()
    )
