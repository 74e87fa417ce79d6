import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import example, given
from hypothesis import strategies as st
from tocsin.v1.inbox_pb2 import Inbox
from tocsin_server.api.splicing import field, number_tag, varint


def _holder() -> type[Message]:
    """A message with a field of bytes for each number; on the wire, as fields of messages are."""
    proto = descriptor_pb2.FileDescriptorProto(name="holder.proto", syntax="proto2")
    message = proto.message_type.add(name="Holder")
    for number in range(1, 16):
        message.field.add(
            name=f"field_{number}",
            number=number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(proto)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Holder"))


HOLDER = _holder()


@given(st.integers(1, 15), st.binary(max_size=300))
@example(1, b"")
@example(15, b"\x00")
@example(1, bytes(127))
@example(1, bytes(128))
def test_a_field_is_what_protobuf_would_encode(number: int, encoded: bytes) -> None:
    expected = HOLDER(**{f"field_{number}": encoded}).SerializeToString()

    assert field(number, encoded) == expected


@pytest.mark.parametrize(
    "size", [n for power in (7, 14, 21) for n in (2**power - 1, 2**power, 2**power + 1)]
)
@pytest.mark.parametrize("number", [1, 15])
def test_a_length_may_take_any_number_of_bytes(number: int, size: int) -> None:
    encoded = bytes(size)

    assert field(number, encoded) == HOLDER(**{f"field_{number}": encoded}).SerializeToString()


@given(st.lists(st.tuples(st.integers(1, 15), st.binary(max_size=20)), max_size=30))
def test_fields_one_after_the_other_are_one_message(fields: list[tuple[int, bytes]]) -> None:
    decoded = HOLDER.FromString(b"".join(field(number, value) for number, value in fields))

    # Of a field that comes several times, the last holds.
    assert {d.number: value for d, value in decoded.ListFields()} == dict(fields)


@given(st.integers(1, 2**63 - 1))
@example(127)
@example(128)
@example(2**14 - 1)
@example(2**14)
@example(2**63 - 1)
def test_a_number_is_what_protobuf_would_encode(value: int) -> None:
    expected = Inbox(revision=value).SerializeToString()

    assert number_tag(Inbox.REVISION_FIELD_NUMBER) + varint(value) == expected
