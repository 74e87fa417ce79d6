"""The answers given to requests that named themselves, for those who ask again."""

from collections.abc import Iterable, Mapping, Sequence
from json import loads
from typing import Any

from sqlalchemy import BigInteger, ClauseElement, Connection, Text, bindparam, select, true

from tocsin_server.domain.model.errors import RequestIdReused
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.store.engine.driver_errors import Overtaken
from tocsin_server.store.engine.prepared import Prepared, Upsert
from tocsin_server.store.json_rows import entries, is_one_of, pack, texts
from tocsin_server.store.schema.tables import requests

Facts = Mapping[str, Any]
"""What an answer is made from: ids, counts, and small resources."""

Name = tuple[str, str, str, str]
"""What identifies a request: tenant, caller, RPC and request id."""

_OF_SPACE = (
    requests.c.tenant == bindparam("tenant"),
    requests.c.caller == bindparam("caller"),
    requests.c.rpc == bindparam("rpc"),
)

_FIND = Prepared(
    select(requests.c.request_id, requests.c.answer).where(
        *_OF_SPACE,
        is_one_of(requests.c.request_id, texts("request_ids")),
        requests.c.create_time >= bindparam("horizon"),
    )
)


def _keep_by(upsert: Upsert) -> ClauseElement:
    request_id, answer = entries("answers", Text())
    given = upsert(requests).from_select(
        ["tenant", "caller", "rpc", "request_id", "answer", "create_time"],
        select(
            bindparam("tenant", type_=Text),
            bindparam("caller", type_=Text),
            bindparam("rpc", type_=Text),
            request_id,
            answer,
            bindparam("create_time", type_=BigInteger),
        ).where(true()),
    )
    kept: ClauseElement = given.on_conflict_do_update(
        index_elements=["tenant", "caller", "rpc", "request_id"],
        set_={name: given.excluded[name] for name in ("answer", "create_time")},
        where=requests.c.create_time < bindparam("horizon"),
    ).returning(requests.c.request_id)
    return kept


_KEEP = Prepared(_keep_by)


class Answer:
    """An answer given earlier."""

    def __init__(self, kept: str) -> None:
        self._digest, self._facts = loads(kept)

    def to(self, request: RequestKey) -> Facts:
        """Returns the facts for a repeat of the request.

        Raises:
            RequestIdReused: it is not a repeat, only of the same name.
        """
        if self._digest != request.digest.hex():
            raise RequestIdReused(request_id=request.request_id)
        return self._facts  # type: ignore[no-any-return]  # as they were kept


def find(connection: Connection, asked: Iterable[RequestKey], horizon: int) -> dict[Name, Answer]:
    """Returns the answers, by name, that requests of these names got since `horizon`."""
    found = {}
    for space, of_space in _by_space((request, request.request_id) for request in asked):
        parameters = _parameters(space) | {"request_ids": pack(list(of_space)), "horizon": horizon}
        for request_id, answer in _FIND(connection, parameters):
            found[(*space, request_id)] = Answer(answer)
    return found


def keep(
    connection: Connection,
    given: Sequence[tuple[RequestKey, Facts]],
    create_time: int,
    horizon: int,
) -> None:
    """Keeps answers, in place of those from before `horizon`, which are too old to count.

    Raises:
        Overtaken: another transaction gave one of them since they were looked for.
    """
    answers = ((request, (request.digest.hex(), facts)) for request, facts in given)
    # In one order everywhere, so that two transactions do not wait for each other.
    for space, of_space in sorted(_by_space(answers)):
        parameters = _parameters(space) | {
            "answers": pack(dict(sorted(of_space.items()))),
            "create_time": create_time,
            "horizon": horizon,
        }
        if len(_KEEP(connection, parameters)) < len(of_space):
            raise Overtaken


def _by_space(
    about: Iterable[tuple[RequestKey, Any]],
) -> Iterable[tuple[tuple[str, str, str], dict[str, Any]]]:
    """Gathers what is about requests by tenant, caller and RPC, then by request id."""
    spaces: dict[tuple[str, str, str], dict[str, Any]] = {}
    for request, what in about:
        if request.request_id:
            space = (request.tenant, request.caller, request.rpc)
            spaces.setdefault(space, {})[request.request_id] = what
    return spaces.items()


def _parameters(space: tuple[str, str, str]) -> dict[str, str | int]:
    return dict(zip(("tenant", "caller", "rpc"), space, strict=True))
