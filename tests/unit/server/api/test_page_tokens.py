import pytest
from tocsin.v1.message_service_pb2 import ListMessagesRequest
from tocsin_server.api.page_tokens import Listing
from tocsin_server.domain.model.errors import FieldsInvalid
from tocsin_server.domain.model.identity import Caller
from tocsin_server.domain.model.pages import Page

ALICE = Caller("acme", "alice")


def listing(
    caller: Caller = ALICE, *, channel_id: str = "news", page_size: int = 0, page_token: str = ""
) -> Listing[int]:
    request = ListMessagesRequest(channel_id=channel_id, page_size=page_size, page_token=page_token)
    return Listing(caller, request, [int], lambda item: [item])


def test_a_token_leads_behind_the_last_item_whatever_the_page_size() -> None:
    token = listing(page_size=2).next_page_token(Page([9, 8], more=True))

    assert listing(page_size=5, page_token=token).after == [8]


def test_the_first_page_begins_at_the_start_and_the_last_has_no_token() -> None:
    first = listing()

    assert first.after is None
    assert first.next_page_token(Page([9], more=False)) == ""
    assert first.next_page_token(Page([], more=False)) == ""


def test_a_token_of_another_tenant_or_query_is_a_violation() -> None:
    token = listing().next_page_token(Page([9], more=True))

    with pytest.raises(FieldsInvalid) as of_tenant:
        listing(Caller("other", "alice"), page_token=token)
    with pytest.raises(FieldsInvalid) as of_query:
        listing(channel_id="other", page_token=token)

    for caught in (of_tenant, of_query):
        assert caught.value.reason == "PAGE_TOKEN_INVALID"
        assert [v.field for v in caught.value.violations] == ["page_token"]


def test_a_token_of_another_caller_of_the_tenant_holds() -> None:
    token = listing().next_page_token(Page([9], more=True))

    assert listing(Caller("acme", "bob"), page_token=token).after == [9]


def test_a_bad_token_is_named_together_with_every_other_violation() -> None:
    with pytest.raises(FieldsInvalid) as caught:
        listing(channel_id="News", page_size=-1, page_token="nonsense")

    assert {v.field for v in caught.value.violations} == {"channel_id", "page_size", "page_token"}
