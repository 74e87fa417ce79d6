from string import Formatter

import pytest
from tocsin_server.domain.model import errors
from tocsin_server.domain.model.errors import FieldsInvalid, TocsinError, Violation

from tests.support.tree import EXAMPLES, leaves


def test_the_examples_are_every_leaf_of_the_tree() -> None:
    assert {type(example) for example in EXAMPLES} == set(leaves(TocsinError))


def test_the_tree_drawn_is_the_tree() -> None:
    drawn = [
        line.lstrip(" │├└─")
        for line in (errors.__doc__ or "").splitlines()
        if line.startswith("    ")
    ]

    def listed(branch: type[TocsinError]) -> list[str]:
        below = [name for child in branch.__subclasses__() for name in listed(child)]
        return [branch.__name__, *below]

    assert drawn == listed(TocsinError)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_the_docstring_with_the_metadata_filled_in(error: TocsinError) -> None:
    docstring = type(error).__doc__ or ""
    placeholders = {name for _, name, _, _ in Formatter().parse(docstring) if name}

    # Its message is made of all violations, its metadata of their fields.
    if isinstance(error, FieldsInvalid):
        assert placeholders == {"summary"}
        assert set(error.metadata) == {"fields"}
    else:
        assert placeholders == set(error.metadata)
        assert str(error) == docstring.format(**error.metadata)


def test_a_value_with_braces_stands_in_the_message_as_it_is() -> None:
    error = errors.ChannelNotFound(channel_id="{channel_id} {0} {")

    assert str(error) == 'There is no channel "{channel_id} {0} {".'


def test_a_reason_of_its_own_goes_before_the_general_one() -> None:
    general = Violation("page_size", "is -1")
    own = Violation("page_token", "is not a page token", "PAGE_TOKEN_INVALID")

    assert FieldsInvalid([general]).reason == "FIELD_INVALID"
    assert FieldsInvalid([own]).reason == "PAGE_TOKEN_INVALID"
    assert FieldsInvalid([general, own]).reason == "PAGE_TOKEN_INVALID"


def test_every_violation_is_named_in_message_and_metadata() -> None:
    error = FieldsInvalid(
        [Violation("message.title", "is long"), Violation("message.url", "is bad")]
    )

    assert str(error) == "message.title is long; message.url is bad."
    assert error.metadata == {"fields": "message.title,message.url"}


def test_an_error_holds_all_violations_and_counts_those_that_are_hidden() -> None:
    violations = [Violation(f"field_{n}", "is bad") for n in range(2_000)]

    assert len(FieldsInvalid(violations).violations) == 2_000
    assert str(FieldsInvalid(violations[:1], hidden=1_999)) == "field_0 is bad; and 1,999 more."
