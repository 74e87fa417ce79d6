"""Idempotency: a request with a request id changes the store once; repeats get the same answer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from json import loads
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ClauseElement, Connection, Text, bindparam, select, true

from tocsin_server.domain.model.errors import RequestIdReused, TocsinError
from tocsin_server.domain.model.idempotency import RequestKey
from tocsin_server.domain.model.retention import Retention
from tocsin_server.domain.ports.clock import Clock
from tocsin_server.store.engine.driver_errors import Overtaken
from tocsin_server.store.engine.prepared import Prepared, Upsert
from tocsin_server.store.json_rows import entries, is_one_of, pack, texts
from tocsin_server.store.schema.tables import idempotency
from tocsin_server.store.writing.unit_of_work import UnitOfWork, WithChanges

T = TypeVar("T")

Facts = Mapping[str, Any]
"""The stored form of an answer: ids, counts, and small resources."""

Name = tuple[str, str, str, str]
"""The identity of a request: tenant, caller, RPC and request id."""

_SPACE = (
    idempotency.c.tenant == bindparam("tenant"),
    idempotency.c.caller == bindparam("caller"),
    idempotency.c.rpc == bindparam("rpc"),
)

_FIND = Prepared(
    select(idempotency.c.request_id, idempotency.c.answer).where(
        *_SPACE,
        is_one_of(idempotency.c.request_id, texts("request_ids")),
        idempotency.c.create_time >= bindparam("horizon"),
    )
)


def _keep_by(upsert: Upsert) -> ClauseElement:
    request_id, answer = entries("answers", Text())
    answers = upsert(idempotency).from_select(
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
    kept: ClauseElement = answers.on_conflict_do_update(
        index_elements=["tenant", "caller", "rpc", "request_id"],
        set_={name: answers.excluded[name] for name in ("answer", "create_time")},
        where=idempotency.c.create_time < bindparam("horizon"),
    ).returning(idempotency.c.request_id)
    return kept


_KEEP = Prepared(_keep_by)


class Answer:
    """The answer to an earlier request."""

    def __init__(self, kept: str) -> None:
        self._digest, self._facts = loads(kept)

    def to(self, request: RequestKey) -> Facts:
        """Returns the facts of the answer for a repeat of its request.

        Raises:
            RequestIdReused: the request has the same name and another digest.
        """
        if self._digest != request.digest.hex():
            raise RequestIdReused(request_id=request.request_id)
        return self._facts  # type: ignore[no-any-return]  # as `keep` stored them


class AnswerCodec(NamedTuple, Generic[T]):
    """Converts the outcome of a mutation into the facts of its answer, and back."""

    to_facts: Callable[[T], Facts]
    from_facts: Callable[[Facts], T]


NOTHING: AnswerCodec[None] = AnswerCodec(lambda _: {}, lambda _: None)
"""The codec of a mutation that returns nothing."""


class Idempotency:
    """Runs each mutation once, and keeps its answer for the retention."""

    def __init__(self, clock: Clock, retention: Retention) -> None:
        self._clock = clock
        self._retention = retention

    def horizon(self) -> int:
        """Returns the time from which on answers are valid, in microseconds."""
        return self._retention.answers_since(self._clock.settled())

    def time(self, now: int) -> int:
        """Returns the create time of an answer; it is not too early if the clock jumps back."""
        return max(now, self._clock.settled())

    def once(
        self,
        request: RequestKey,
        now: int,
        mutate: Callable[[Connection], T | WithChanges[T]],
        codec: AnswerCodec[T],
    ) -> UnitOfWork[T]:
        """Returns a unit of work that runs `mutate` unless the request was answered before.

        A repeat may run while the first request commits on another connection. It then
        conflicts and is run again, or it fails because of what the first one changed.
        So after an error the answers are read once more.
        """

        def unit(connection: Connection) -> T | WithChanges[T]:
            horizon = self.horizon()
            if answer := _find_one(connection, request, horizon):
                return codec.from_facts(answer.to(request))
            try:
                result = mutate(connection)
            except TocsinError as error:
                if _find_one(connection, request, horizon):
                    raise Overtaken from error
                raise
            outcome = result.outcome if isinstance(result, WithChanges) else result
            keep(connection, [(request, codec.to_facts(outcome))], self.time(now), horizon)
            return result

        return unit


def find(
    connection: Connection, requests: Iterable[RequestKey], horizon: int
) -> dict[Name, Answer]:
    """Returns the answers since `horizon` to requests with the same names, by name."""
    found = {}
    for space, of_space in _by_space((request, request.request_id) for request in requests):
        parameters = _parameters(space) | {"request_ids": pack(list(of_space)), "horizon": horizon}
        for request_id, answer in _FIND(connection, parameters):
            found[(*space, request_id)] = Answer(answer)
    return found


def _find_one(connection: Connection, request: RequestKey, horizon: int) -> Answer | None:
    return find(connection, [request], horizon).get(request.name)


def keep(
    connection: Connection,
    answers: Sequence[tuple[RequestKey, Facts]],
    create_time: int,
    horizon: int,
) -> None:
    """Stores answers; they replace expired ones, from before `horizon`.

    Raises:
        Overtaken: another transaction answered one of the requests since `find`.
    """
    kept = ((request, (request.digest.hex(), facts)) for request, facts in answers)
    # Always in the same order, so that two transactions never deadlock.
    for space, of_space in sorted(_by_space(kept)):
        parameters = _parameters(space) | {
            "answers": pack(dict(sorted(of_space.items()))),
            "create_time": create_time,
            "horizon": horizon,
        }
        if len(_KEEP(connection, parameters)) < len(of_space):
            raise Overtaken


def _by_space(
    items: Iterable[tuple[RequestKey, Any]],
) -> Iterable[tuple[tuple[str, str, str], dict[str, Any]]]:
    """Groups items of requests by (tenant, caller, RPC), and in each group by request id."""
    spaces: dict[tuple[str, str, str], dict[str, Any]] = {}
    for request, item in items:
        if request.request_id:
            space = (request.tenant, request.caller, request.rpc)
            spaces.setdefault(space, {})[request.request_id] = item
    return spaces.items()


def _parameters(space: tuple[str, str, str]) -> dict[str, str | int]:
    return dict(zip(("tenant", "caller", "rpc"), space, strict=True))
