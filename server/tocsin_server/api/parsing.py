"""Parsing: the body of a request as its message, or an error that says what is wrong with it.

A text must be UTF-8. Protobuf refuses a body that breaks this rule as it
refuses any malformed one, without the field's name. Such a body is therefore
walked once more by the message's descriptor. (Source: the protobuf
documentation's "Encoding".)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtoMessage

from tocsin_server.domain.model.errors import FieldsInvalid, RequestMalformed, Violation

M = TypeVar("M", bound=ProtoMessage)

_MOST_FIELDS = 5_000
"""How many fields of a body are looked at: some milliseconds of work."""
_MOST_LEVELS = 32
"""How many messages within one another are looked at."""

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}


def parse(message: type[M], body: bytes) -> M:
    """Returns the message that a body encodes.

    Raises:
        FieldsInvalid: texts are not UTF-8; each is named.
        RequestMalformed: the body is not an encoding of the message.
    """
    try:
        return message.FromString(body)
    except DecodeError:
        pass
    descriptor = cast("Descriptor", message.DESCRIPTOR)
    if fields := dict.fromkeys(_Walk(body).texts_not_utf8(descriptor, "", 0, len(body))):
        raise FieldsInvalid(
            [Violation(field, "is not valid UTF-8", RequestMalformed.reason) for field in fields]
        )
    raise RequestMalformed


@dataclass(slots=True)
class _Walk:
    """A walk through the fields of an encoded message, up to what cannot be read."""

    body: bytes
    left: int = _MOST_FIELDS
    levels: int = 0

    def texts_not_utf8(
        self, descriptor: Descriptor, path: str, start: int, end: int
    ) -> Iterator[str]:
        """Gives the paths of the texts that are not UTF-8 in the message between two offsets."""
        if self.levels == _MOST_LEVELS:
            return
        self.levels += 1
        counts: dict[int, int] = {}
        for number, start_, end_ in self._delimited(start, end):
            field = descriptor.fields_by_number.get(number)
            if field is None:
                continue
            index = counts[number] = counts.get(number, -1) + 1
            name = path + field.name
            item = f"{name}[{index}]" if field.is_repeated else name
            if (inner := field.message_type) is not None:
                yield from self._of_message(inner, name, item, start_, end_)
            elif field.type == FieldDescriptor.TYPE_STRING and not self._is_text(start_, end_):
                yield item
        self.levels -= 1

    def _of_message(
        self, inner: Descriptor, name: str, item: str, start: int, end: int
    ) -> Iterator[str]:
        """Gives the paths within a field `name`, whose value is the message `item`."""
        if inner.GetOptions().map_entry or inner.full_name.startswith("google.protobuf."):
            # A map's key may be what is wrong, and data has names of its own: the field is named.
            if list(self.texts_not_utf8(inner, "", start, end)):
                yield name
        else:
            yield from self.texts_not_utf8(inner, f"{item}.", start, end)

    def _delimited(self, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Gives number, start and end of each field with a length, until one cannot be read."""
        while at < end and self.left > 0:
            self.left -= 1
            tag, at = self._varint(at, end)
            kind = tag & 7
            if kind == _VARINT:
                _, at = self._varint(at, end)
            elif kind == _DELIMITED:
                size, at = self._varint(at, end)
                if at + size > end:
                    return
                yield tag >> 3, at, at + size
                at += size
            elif kind in _SIZES:
                at += _SIZES[kind]
            else:
                return

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Returns a number and the offset behind it; one without an end ends the walk."""
        value = 0
        for shift, offset in enumerate(range(at, min(at + 10, end))):
            value |= (self.body[offset] & 0x7F) << 7 * shift
            if self.body[offset] < 0x80:
                return value, offset + 1
        self.left = 0
        return 0, end

    def _is_text(self, start: int, end: int) -> bool:
        try:
            self.body[start:end].decode()
        except UnicodeDecodeError:
            return False
        return True
