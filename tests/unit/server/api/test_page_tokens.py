import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin.v1.message_service_pb2 import ListMessagesRequest
from tocsin_server.api.messages.rules import validate
from tocsin_server.api.page_tokens import Listing, binding, decode_page_token, encode_page_token
from tocsin_server.domain.model.errors import FieldsInvalid
from tocsin_server.domain.model.identity import Caller

ALICE = Caller("acme", "alice")
BOUND = binding("default", "ListMessagesRequest", b"query")

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def listing(
    caller: Caller = ALICE, *, channel_id: str = "news", page_size: int = 0, page_token: str = ""
) -> Listing:
    request = ListMessagesRequest(channel_id=channel_id, page_size=page_size, page_token=page_token)
    return Listing(caller, request, validate)


def test_a_token_leads_to_its_key_at_any_page_size() -> None:
    token = listing(page_size=2).token("[8]")

    assert listing(page_size=5, page_token=token).after == "[8]"


def test_the_first_page_has_no_key_and_the_last_no_token() -> None:
    first = listing()

    assert first.after == ""
    assert first.token("") == ""


def test_a_token_of_another_tenant_or_query_is_a_violation() -> None:
    token = listing().token("[9]")

    with pytest.raises(FieldsInvalid) as of_tenant:
        listing(Caller("other", "alice"), page_token=token)
    with pytest.raises(FieldsInvalid) as of_query:
        listing(channel_id="other", page_token=token)

    for caught in (of_tenant, of_query):
        assert caught.value.reason == "PAGE_TOKEN_INVALID"
        assert [v.field for v in caught.value.violations] == ["page_token"]


def test_a_token_of_another_caller_of_the_tenant_is_valid() -> None:
    token = listing().token("[9]")

    assert listing(Caller("acme", "bob"), page_token=token).after == "[9]"


def test_a_bad_token_is_named_together_with_every_other_violation() -> None:
    with pytest.raises(FieldsInvalid) as caught:
        listing(channel_id="News", page_size=-1, page_token="nonsense")

    assert {v.field for v in caught.value.violations} == {"channel_id", "page_size", "page_token"}


@given(TEXTS)
def test_a_token_holds_the_key_that_it_was_made_of(key: str) -> None:
    assert decode_page_token(encode_page_token(BOUND, key), BOUND) == key


@pytest.mark.parametrize(
    "other",
    [
        binding("other", "ListMessagesRequest", b"query"),
        binding("default", "ListChannelsRequest", b"query"),
        binding("default", "ListMessagesRequest", b"other"),
        binding("default", "ListMessagesRequest", b""),
        binding("default", "ListMessagesRequestquery", b""),
        binding("", "default", b"ListMessagesRequest\0query"),
    ],
)
def test_a_token_bound_to_another_list_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match="belongs to another query"):
        decode_page_token(encode_page_token(BOUND, "[7]"), other)


def test_a_token_with_any_character_changed_is_refused() -> None:
    # Over every length of the last group of letters, whose last bits stand for nothing.
    for key in ("[7]", "[77]", "[777]", '["news"]'):
        token = encode_page_token(BOUND, key)
        for index, character in enumerate(token):
            for other in "AZaz09-_+/=! ":
                if other == character:
                    continue
                changed = token[:index] + other + token[index + 1 :]
                with pytest.raises(ValueError, match=r"page token|another query"):
                    decode_page_token(changed, BOUND)


@pytest.mark.parametrize("token", ["x", "nonsense", "é", "AAAA", "A" * 400])
def test_a_text_that_no_server_made_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        decode_page_token(token, BOUND)
