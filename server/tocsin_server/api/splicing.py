"""Splicing: encoded messages put into others without decoding them.

A field that holds a message is, on the wire, a tag, a length and the message's
bytes; a message is its fields in any order, so two encodings one after the
other are the encoding of the two merged. With these two facts a message that
was encoded when it was sent goes into any number of responses as it is.
(Source: the protobuf documentation's "Encoding".)
"""

from functools import lru_cache

from google.protobuf.message import Message


def varint(value: int) -> bytes:
    """Returns the encoding of a number from 0, seven bits a byte."""
    if value < 0x80:
        return bytes((value,))
    if value < 0x4000:
        return bytes((value & 0x7F | 0x80, value >> 7))
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number_tag(number: int) -> bytes:
    """Returns what stands in front of the varint of the field `number`."""
    return varint(number << 3)


def field(number: int, encoded: bytes) -> bytes:
    """Returns the field `number` that holds an encoded message, or a text's bytes."""
    return _head(number, len(encoded)) + encoded


@lru_cache(maxsize=4_096)
def _head(number: int, size: int) -> bytes:
    return varint(number << 3 | 2) + varint(size)


def optional(message: Message, name: str) -> bool | None:
    """Returns a field that may be absent, None when it is."""
    return getattr(message, name) if message.HasField(name) else None
