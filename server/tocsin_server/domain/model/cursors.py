"""Cursors: the resume points of an inbox."""

from binascii import crc32
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.domain.model.opaque import decode_token, encode_token

_LAYOUT = Struct(">BQQ8sQQ")
_FURTHEST = 2**63 - 2
"""No inbox comes further; what follows a position can still be counted."""
_CHECK = Struct(">I")
_VERSION = 1
_NOWHERE = 2**64 - 1
"""An epoch that no store has."""


class Position(NamedTuple):
    """How far a stream has come in an inbox.

    Everything last changed at or before `revision` is delivered, and of the
    next revision whatever has a message sequence up to `sequence`.
    """

    revision: int
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position, with all that says which history it is a position of.

    Attributes:
        epoch: a random number of the store's history; a restored one has another.
        incarnation: a random number of the inbox's life; 0 before its first message.
        inbox: the digest of tenant and user.
        position: how far the holder has come.
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
        """Returns the cursor that a text stands for.

        One that a newer or older program gave resumes nowhere.

        Raises:
            ValueError: no server ever gave it.
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
        """Tells whether it is a position of this store's history, and of the inbox of this digest.

        Nothing has to be read to know it; whether the history still leads on
        from there is for `resumes` to say.
        """
        return self.epoch == epoch and self.inbox == inbox

    def resumes(self, epoch: int, inbox: Inbox) -> bool:
        """Tells whether the history of `inbox` leads on from here.

        A cursor from before the inbox's first message leads on as long as the
        whole history is there.
        """
        return (
            self.is_of(epoch, inbox.key.digest())
            and self.incarnation in (inbox.incarnation, 0)
            and inbox.oldest_revision <= self.position.revision <= inbox.revision
            and (self.incarnation != 0 or self.position.revision == 0)
        )
