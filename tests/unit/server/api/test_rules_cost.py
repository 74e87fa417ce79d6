"""The cost of a rule has a bound: a caller's huge value cannot keep the event loop busy."""

import sys
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as ProtoMessage
from tocsin_server.api.channels import rules as channels
from tocsin_server.api.inboxes import rules as inboxes
from tocsin_server.api.messages import rules as messages
from tocsin_server.api.rules import validator
from tocsin_server.domain.model.errors import FieldsInvalid

TABLE = {**channels.RULES, **messages.RULES, **inboxes.RULES}
CHARACTERS = 100_000
MOST_CALLS = 2_000
SLOWEST = {"a space": " ", "an invisible symbol": "\u2800", "a zero-width space": "\u200b"}
"""Characters at which a rule that looks at each one takes longest."""

validate = validator(TABLE)


def with_one_text(message: ProtoMessage, text: str) -> Iterator[str]:
    """Puts a text into each field of a message in turn, also of the messages in it; gives its path."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
                for key, value in ((text, ""), ("key", text)):
                    getattr(message, field.name)[key] = value
                    yield field.name
                    message.ClearField(field.name)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
            yield field.name
            message.ClearField(field.name)
        elif field.message_type is not None and field.message_type.file.package == "tocsin.v1":
            child = getattr(message, field.name)
            if field.is_repeated:
                child = child.add()
            else:
                child.SetInParent()
            for path in with_one_text(child, text):
                yield f"{field.name}.{path}"
            message.ClearField(field.name)


def calls(request: ProtoMessage) -> int:
    """Returns how many functions the validation of a request calls, those of C included."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        validate(request)
    except FieldsInvalid:
        pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("character", SLOWEST.values(), ids=SLOWEST)
@pytest.mark.parametrize("request_type", TABLE, ids=lambda each: each.DESCRIPTOR.name)
def test_a_huge_text_costs_few_calls(request_type: type[ProtoMessage], character: str) -> None:
    request = request_type()
    costs = {path: calls(request) for path in with_one_text(request, character * CHARACTERS)}

    assert {path: cost for path, cost in costs.items() if cost > MOST_CALLS} == {}
