"""Requests that are encoded well and mean anything: what protobuf lets a caller say."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from tocsin_server.api.inboxes.notification_ids import suffix_of
from tocsin_server.domain.model.identity import InboxKey

_DEPTH = 4

TEXTS = st.one_of(
    st.sampled_from(["", "news", "offers", "alice", "bob", "r-1", "/leads/1", "https://a.example"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.integers(0, 20_000).map("x".__mul__),
)

_OWN_NOTIFICATION_IDS = st.builds(
    "{}{}".format,
    st.one_of(st.sampled_from(["\0", "0192-1"]), TEXTS),
    st.sampled_from([suffix_of(InboxKey("default", user_id)) for user_id in ("alice", "bob")]),
)
"""Anything with the suffix of an inbox that the requests name."""

_MEANINGFUL: Mapping[str, st.SearchStrategy[Any]] = {
    "channel_id": st.sampled_from(["news", "offers"]),
    "channel_ids": st.sampled_from(["news", "offers"]),
    "user_id": st.sampled_from(["alice", "bob"]),
    "user_ids": st.sampled_from(["alice", "bob"]),
    "notification_ids": _OWN_NOTIFICATION_IDS,
    "title": st.just("Hello"),
    "url": st.just("/leads/1"),
    "mobile_url": st.just("https://a.example/1"),
    "type": st.just(1),
    "severity": st.integers(0, 4),
    "content_format": st.integers(0, 2),
    "page_size": st.integers(0, 3),
}
"""What makes sense in a field; without it hardly a request would pass."""

_USUAL = {
    *("channel", "message", "audience", "channel_id", "user_ids", "title"),
    *("user_id", "selector", "target", "notification_ids", "read"),
}
"""What nearly every request that passes has."""

_SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=40),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_ENUM: st.integers(-1, 9),
}


def messages(descriptor: Descriptor, depth: int = _DEPTH) -> st.SearchStrategy[Message]:
    """Gives messages of a type, each field set or not, to anything that it can hold.

    The values that a message is made of are messages with one field each, by
    the name of the field, or of the oneof that it is a part of.
    """
    make = GetMessageClass(descriptor)
    choices: dict[str, list[st.SearchStrategy[Message]]] = {}
    for field in descriptor.fields:
        if depth > 1 or field.message_type is None:
            name = _oneof_of(field) or field.name
            of_field = _values(field, depth - 1).map(partial(_with_field, make, field.name))
            choices.setdefault(name, []).append(of_field)
    fields = {name: st.one_of(strategies) for name, strategies in choices.items()}
    usual = {name: fields.pop(name) for name in sorted(_USUAL & fields.keys())}
    chosen = _mostly(
        st.fixed_dictionaries(usual, optional=fields),
        st.fixed_dictionaries({}, optional=usual | fields),
    )
    return chosen.map(partial(_merged, make))


def _oneof_of(field: FieldDescriptor) -> str | None:
    """The name of the oneof that a field is a part of; a lone optional field is of none."""
    oneof = field.containing_oneof
    return oneof.name if oneof is not None and len(oneof.fields) > 1 else None


def _with_field(make: type[Message], name: str, value: object) -> Message:
    return make(**{name: value})


def _merged(make: type[Message], parts: Mapping[str, Message]) -> Message:
    message = make()
    for part in parts.values():
        message.MergeFrom(part)
    return message


def _mostly(
    usual: st.SearchStrategy[Any], anything: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """Gives the usual, and in one case of ten anything."""
    return st.integers(0, 9).flatmap(lambda chance: anything if chance == 9 else usual)


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """Gives what a field can hold."""
    if field.message_type is None:
        one = _SCALARS[field.type]
        if (meaningful := _MEANINGFUL.get(field.name)) is not None:
            one = _mostly(meaningful, one)
    elif field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        return st.dictionaries(_values(key, depth), _values(value, depth), max_size=3)
    else:
        one = messages(field.message_type, depth)
    if not field.is_repeated:
        return one
    some = st.lists(one, min_size=1, max_size=3)
    return _mostly(some, st.just([])) if field.name in _USUAL else st.lists(one, max_size=3)
