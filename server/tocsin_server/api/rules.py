"""Validation: the rules that services share, and the validator of a table of rules.

A service's own `rules` module has its table: the rules of each request, field by
field. Every rule adds all violations that it finds; their texts name the limit.
A rule takes well under a microsecond when the field is valid.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Protocol

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.domain.model import limits
from tocsin_server.domain.model.errors import FieldsInvalid, Violation
from tocsin_server.domain.model.links import link_problem
from tocsin_server.domain.model.user_ids import is_user_id
from tocsin_server.domain.model.visible_text import is_blank

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value


class Enum(Protocol):
    """An enum of the generated code."""

    def values(self) -> Iterable[int]:
        """Returns the numbers of its values."""
        ...


Found = list[Violation]
Rule = Callable[[ProtoMessage, str, str, Found], None]
"""Looks at the field (second) of a message, at a path (third), and adds violations."""

FieldRules = Sequence[tuple[str, Rule]]
"""The names of a message's fields or oneofs, and the rule of each."""

_USER_ID_RULE = (
    f"must have 1 to {limits.USER_ID_CHARACTERS} characters,"
    " none of them a control, format or space character"
)

Table = Mapping[type[ProtoMessage], FieldRules]
"""The rules of each request of a service."""


class Validate(Protocol):
    """Validates the requests of one service."""

    def __call__(self, request: ProtoMessage, *more: Violation) -> None:
        """Checks a request by the service's table; `more` are violations found elsewhere.

        Raises:
            FieldsInvalid: with every violation.
        """
        ...


def text(most: int, *, required: bool = False) -> Rule:
    """A text of at most `most` characters, without NUL; a required one has a visible character."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        value: str = getattr(message, name)
        # The length comes first: whether a text is blank takes time for each character.
        if len(value) > most:
            found.append(
                Violation(path + name, f"has {len(value):,} characters; {most:,} is the limit")
            )
        elif required and is_blank(value):
            problem = (
                "has no visible character"
                if value.strip()
                else f"is required, 1 to {most:,} characters"
            )
            found.append(Violation(path + name, problem))
        if "\0" in value:
            found.append(Violation(path + name, "must not contain the character NUL"))

    return rule


def matching(pattern: re.Pattern[str]) -> Rule:
    """A text of a pattern."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        value: str = getattr(message, name)
        if not pattern.fullmatch(value):
            found.append(Violation(path + name, f"must match {pattern.pattern}"))

    return rule


def user_id(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The id of a user."""
    if not is_user_id(getattr(message, name)):
        found.append(Violation(path + name, _USER_ID_RULE))


def user_ids(most: int) -> Rule:
    """At most so many ids of users."""
    return _each(is_user_id, _USER_ID_RULE, most, 0)


def each(pattern: re.Pattern[str], most: int, least: int = 0) -> Rule:
    """So many texts of a pattern."""
    return _each(pattern.fullmatch, f"must match {pattern.pattern}", most, least)


def _each(fits: Callable[[str], object], rule_text: str, most: int, least: int) -> Rule:
    """So many texts, each of which fits."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        values: Sequence[str] = getattr(message, name)
        if not least <= len(values) <= most:
            limit = f"{least} to {most:,}" if least else f"{most:,}"
            found.append(Violation(path + name, f"has {len(values):,} items; {limit} is the limit"))
            return
        for index, value in enumerate(values):
            if not fits(value):
                found.append(Violation(f"{path}{name}[{index}]", rule_text))

    return rule


def link(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A link, or none."""
    value: str = getattr(message, name)
    if not value:
        return
    most = limits.URL_CHARACTERS
    if len(value) > most:
        found.append(
            Violation(path + name, f"has {len(value):,} characters; {most:,} is the limit")
        )
    elif problem := link_problem(value):
        found.append(Violation(path + name, problem))


def labels(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """Names and values of the application's own."""
    values: Mapping[str, str] = getattr(message, name)
    if len(values) > limits.LABELS:
        found.append(
            Violation(path + name, f"has {len(values):,} entries; {limits.LABELS} is the limit")
        )
        return
    for key, value in values.items():
        if not 0 < len(key) <= limits.LABEL_KEY_CHARACTERS:
            found.append(
                Violation(
                    f"{path}{name}",
                    f"has a key of {len(key):,} characters; "
                    f"1 to {limits.LABEL_KEY_CHARACTERS} is the limit",
                )
            )
        elif len(value) > limits.LABEL_VALUE_CHARACTERS:
            found.append(
                Violation(
                    f'{path}{name}["{key}"]',
                    f"has {len(value):,} characters; {limits.LABEL_VALUE_CHARACTERS} is the limit",
                )
            )
        if "\0" in key or "\0" in value:
            found.append(Violation(path + name, "must not contain the character NUL"))


def data(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """The application's own data: small, not too deep, and expressible as JSON."""
    if not message.HasField(name):
        return
    struct: Struct = getattr(message, name)
    if (size := struct.ByteSize()) > limits.DATA_BYTES and (
        size := _known_size(struct)
    ) > limits.DATA_BYTES:
        found.append(
            Violation(path + name, f"has {size:,} bytes; {limits.DATA_BYTES:,} is the limit")
        )
        return
    problems: set[str] = set()
    level: list[Value] = list(struct.fields.values())
    for _ in range(limits.DATA_DEPTH):
        inner: list[Value] = []
        for value in level:
            kind = value.WhichOneof("kind")
            if kind is None:
                problems.add("has a value without a kind")
            elif kind == "number_value" and not isfinite(value.number_value):
                problems.add("has a number that is not finite")
            elif kind == "struct_value":
                inner += value.struct_value.fields.values()
            elif kind == "list_value":
                inner += value.list_value.values
        level = inner
        if not level:
            break
    else:
        problems.add(f"is nested deeper than {limits.DATA_DEPTH} levels")
    found += [Violation(path + name, problem) for problem in sorted(problems)]


def _known_size(struct: "Struct") -> int:
    """Returns the size of a struct without its unknown fields, which are not stored, in bytes."""
    known_fields = type(struct)()
    known_fields.CopyFrom(struct)
    known_fields.DiscardUnknownFields()
    return known_fields.ByteSize()


def known(enum: Enum) -> Rule:
    """A value of an enum that this server knows."""
    values = frozenset(enum.values())

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        if (value := getattr(message, name)) not in values:
            found.append(Violation(path + name, f"has the unknown value {value}"))

    return rule


def not_negative(message: ProtoMessage, name: str, path: str, found: Found) -> None:
    """A number from 0."""
    if (value := getattr(message, name)) < 0:
        found.append(Violation(path + name, f"is {value}; it must not be negative"))


def present(rules: FieldRules) -> Rule:
    """A message that must be there, with the rules of its own fields."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        if message.HasField(name):
            check(getattr(message, name), rules, f"{path}{name}.", found)
        else:
            found.append(Violation(path + name, "is required"))

    return rule


def counted(most: int) -> Rule:
    """A list of 1 to so many texts, whatever they are."""

    def rule(message: ProtoMessage, name: str, path: str, found: Found) -> None:
        values: Sequence[str] = getattr(message, name)
        if not 0 < len(values) <= most:
            found.append(
                Violation(path + name, f"has {len(values):,} items; 1 to {most:,} is the limit")
            )

    return rule


def check(message: ProtoMessage, rules: FieldRules, path: str, found: Found) -> None:
    """Adds the violations of a message whose fields stand at a path."""
    for name, rule in rules:
        rule(message, name, path, found)


def validator(table: Table) -> Validate:
    """Returns the `validate` of a service, which reads its table only."""

    def validate(request: ProtoMessage, *more: Violation) -> None:
        found: Found = []
        check(request, table[type(request)], "", found)
        found += more
        if found:
            raise FieldsInvalid(found)

    return validate


CHANNEL_ID = matching(limits.CHANNEL_ID)
REQUEST_ID = ("request_id", text(limits.REQUEST_ID_CHARACTERS))
PAGE_SIZE = ("page_size", not_negative)
