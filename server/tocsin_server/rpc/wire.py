"""Splicing: encoded messages put into others without decoding them.

A field that holds a message is, on the wire, a tag, a length and the message's
bytes; a message is its fields in any order, so two encodings one after the
other are the encoding of the two merged. With these two facts a message that
was encoded when it was sent goes into any number of responses as it is.
(Source: the protobuf documentation's "Encoding".)
"""

from google.protobuf.message import Message


def field(number: int, encoded: bytes) -> bytes:
    """Returns the field `number`, 1 to 15, that holds an encoded message."""
    size = len(encoded)
    if size < 0x80:
        return bytes((number << 3 | 2, size)) + encoded
    if size < 0x4000:
        return bytes((number << 3 | 2, size & 0x7F | 0x80, size >> 7)) + encoded
    head = [number << 3 | 2]
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*head, size)) + encoded


def optional(message: Message, name: str) -> bool | None:
    """Returns a field that may be absent, None when it is."""
    return getattr(message, name) if message.HasField(name) else None
