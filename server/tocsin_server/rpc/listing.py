"""Page tokens of requests: a list is all of a request but its page."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from google.protobuf.message import Message as ProtoMessage

from tocsin_server.domain.errors import Violation
from tocsin_server.domain.identity import Caller
from tocsin_server.domain.paging import Key, Page, binding, page_key, page_token
from tocsin_server.rpc.validation import validate

T = TypeVar("T")


class Listing(Generic[T]):
    """One request for a page of a list."""

    def __init__(
        self, caller: Caller, request: ProtoMessage, shape: Sequence[type], key: Callable[[T], Key]
    ) -> None:
        """Checks the request, its page token too.

        `key` gives what an item sorts by, and `shape` the types of that.

        Raises:
            FieldsInvalid: with every violation.
        """
        query = type(request)()
        query.CopyFrom(request)
        query.ClearField("page_size")
        query.ClearField("page_token")
        rpc = request.DESCRIPTOR.name
        encoded = query.SerializeToString(deterministic=True)
        self._binding = binding(caller.tenant, rpc, encoded)
        self._key = key
        self.after: Key | None = None
        """What the page before ended with; None at the start."""
        violations = []
        if token := request.page_token:  # type: ignore[attr-defined]  # every list has one
            try:
                self.after = page_key(token, self._binding, shape)
            except ValueError as problem:
                violations.append(Violation("page_token", str(problem), "PAGE_TOKEN_INVALID"))
        validate(request, *violations)

    def next_page_token(self, page: Page[T]) -> str:
        """Returns the token for the page after this one, empty at the end."""
        return page_token(self._binding, self._key(page.items[-1])) if page.more else ""
