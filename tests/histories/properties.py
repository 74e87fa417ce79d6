"""The properties that a history is judged by."""

from dataclasses import dataclass
from enum import Enum


class Property(Enum):
    """A promise, by its name."""

    ORDERED = "inboxes, streams and lists follow the one order of commits"
    UNIQUE = "one request id, one message; one message, one notification a user; no event twice"
    CONTIGUOUS = "responses follow one another without a gap, and carry what they cover"
    RESUMABLE = "what streams give, over reconnects, is the inbox, and its counters are a recount"
    NEVER_AHEAD = "a cursor covers nothing that its stream has not delivered"
    KEPT = "what was acknowledged, sent, marked or deleted, is how inboxes stand, and was delivered"
    ADDRESSED = "what is in an inbox was sent to it, to all its recipients or to none"


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that does not hold, where, and how."""

    broken: Property
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.broken.name}: {self.where}: {self.what}"
