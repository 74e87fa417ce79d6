from base64 import urlsafe_b64encode
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_server.api.page_tokens import Key, binding, page_key, page_token

BOUND = binding("default", "ListMessagesRequest", b"query")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.integers(0, 2**63 - 1), TEXTS)
def test_a_token_leads_behind_the_key_that_it_was_made_of(number: int, text: str) -> None:
    assert page_key(page_token(BOUND, [number, text]), BOUND, [int, str]) == [number, text]


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
def test_a_token_of_another_tenant_rpc_or_query_is_refused(other: bytes) -> None:
    with pytest.raises(ValueError, match="belongs to another query"):
        page_key(page_token(BOUND, [7]), other, [int])


def test_any_character_changed_is_refused() -> None:
    # Over every length of the last group of letters, whose last bits stand for nothing.
    for key in ([7], [77], [777], ["news"]):
        token = page_token(BOUND, key)
        for index, character in enumerate(token):
            for other in "AZaz09-_+/=! ":
                if other == character:
                    continue
                changed = token[:index] + other + token[index + 1 :]
                with pytest.raises(ValueError, match=r"page token|another query"):
                    page_key(changed, BOUND, [type(part) for part in key])


@pytest.mark.parametrize("token", ["x", "nonsense", "é", "AAAA", "A" * 400])
def test_a_text_that_no_server_gave_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        page_key(token, BOUND, [int])


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (["7"], [int]),
        ([7], [str]),
        ([7], [int, int]),
        ([7, 7], [int]),
        ([], [int]),
        ([True], [int]),
    ],
)
def test_a_key_of_another_shape_is_refused(key: Key, shape: list[type]) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        page_key(page_token(BOUND, key), BOUND, shape)


@pytest.mark.parametrize("rest", [b"", b"{", b"{}", b"7", b"\xff", b"[[7]]", b"[" * 200_000])
def test_a_key_of_another_form_is_refused(rest: bytes) -> None:
    body = BOUND + rest
    token = urlsafe_b64encode(crc32(body).to_bytes(4, "big") + body).decode().rstrip("=")

    with pytest.raises(ValueError, match="is not a page token"):
        page_key(token, BOUND, [int])


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_no_row_can_have_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        page_key(page_token(BOUND, [number]), BOUND, [int])


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_a_text_that_no_database_takes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a page token"):
        page_key(page_token(BOUND, [text]), BOUND, [str])
