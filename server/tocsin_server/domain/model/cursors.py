"""Cursors: the resume points of an inbox."""

from binascii import crc32
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.domain.model.opaque import decode_token, encode_token

_LAYOUT = Struct(">BQQ8sQQ")
_FURTHEST = 2**63 - 2
"""The highest revision of a cursor; the revision after it is still a 64-bit number."""
_CHECK = Struct(">I")
_VERSION = 1
_NOWHERE = 2**64 - 1
"""An epoch that no store has."""


class Position(NamedTuple):
    """The position of a stream in an inbox's history.

    Everything last changed at or before `revision` is delivered, and of the next
    revision everything with a message sequence up to `sequence`.
    """

    revision: int
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position, and the history that it belongs to.

    Attributes:
        epoch: a random number of the store's history; a restored one has another.
        incarnation: a random number of the inbox's life; 0 before its first message.
        inbox: the digest of tenant and user.
        position: the position from which a stream resumes.
    """

    epoch: int
    incarnation: int
    inbox: bytes
    position: Position

    def encode(self) -> str:
        """Returns the cursor as text: 60 characters, safe in a URL."""
        body = _LAYOUT.pack(_VERSION, self.epoch, self.incarnation, self.inbox, *self.position)
        return encode_token(body + _CHECK.pack(crc32(body)))

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Returns the cursor of a text.

        A cursor of another version of the program belongs to no history.

        Raises:
            ValueError: the text is no cursor of any server.
        """
        raw = decode_token(text)
        body, check = raw[: -_CHECK.size], raw[-_CHECK.size :]
        if not body or check != _CHECK.pack(crc32(body)):
            raise ValueError("is not a cursor")
        if body[0] != _VERSION or len(body) != _LAYOUT.size:
            return cls(_NOWHERE, 0, b"", Position(0))
        _, epoch, incarnation, inbox, revision, sequence = _LAYOUT.unpack(body)
        if max(revision, sequence) > _FURTHEST:
            raise ValueError("is not a cursor")
        return cls(epoch, incarnation, inbox, Position(revision, sequence))

    def is_of(self, epoch: int, inbox: bytes) -> bool:
        """Tells whether the cursor belongs to this store and to the inbox of this digest.

        It needs no read. `resumes` tells whether the history still reaches back to the
        cursor.
        """
        return self.epoch == epoch and self.inbox == inbox

    def resumes(self, epoch: int, inbox: Inbox) -> bool:
        """Tells whether the history of `inbox` continues from this cursor.

        It continues from a cursor before the inbox's first message as long as the
        whole history is kept.
        """
        return (
            self.is_of(epoch, inbox.key.digest())
            and self.incarnation in (inbox.incarnation, 0)
            and inbox.oldest_revision <= self.position.revision <= inbox.revision
            and (self.incarnation != 0 or self.position.revision == 0)
        )
