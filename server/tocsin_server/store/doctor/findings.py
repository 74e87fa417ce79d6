"""Findings: the faults of a store, by kind."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds of faults."""

    COUNTERS = "counters"
    CHANNEL_COUNTERS = "channel-counters"
    HEAD = "head"
    OLDEST_REVISION = "oldest-revision"
    REVISION = "revision"
    REVISION_TWICE = "revision-twice"
    STATE = "state"
    TOMBSTONE = "tombstone"
    MARK = "mark"
    CHANNEL = "channel"
    TENANT = "tenant"
    NO_MESSAGE = "no-message"
    NO_INBOX = "no-inbox"
    NO_CHANNEL = "no-channel"
    COPIES = "copies"
    ANSWER = "answer"
    JOB = "job"
    NO_JOB = "no-job"
    DATABASE = "database"


class Finding(NamedTuple):
    """A fault: where it is, what was found there, and what was expected."""

    kind: Kind
    where: str
    found: str
    expected: str
    repaired: bool = False
