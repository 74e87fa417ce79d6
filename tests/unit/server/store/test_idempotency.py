import pytest
from sqlalchemy import Connection, func, select
from tocsin_server.domain.model.errors import RequestIdReused
from tocsin_server.store import idempotency
from tocsin_server.store.engine.driver_errors import Overtaken
from tocsin_server.store.schema.tables import idempotency as table

from tests.support.building import request

FACTS = {"sequence": 7, "text": 'ü "quoted" 😀'}


def count(connection: Connection) -> int | None:
    return connection.scalar(select(func.count()).select_from(table))


def test_an_answer_is_found_by_the_name_of_its_request(connection: Connection) -> None:
    named = request("r-1", b"body")
    idempotency.keep(connection, [(named, FACTS)], create_time=100, horizon=0)

    found = idempotency.find(connection, [named, request("r-2")], horizon=0)

    assert list(found) == [named.name]
    assert found[named.name].to(named) == FACTS


@pytest.mark.parametrize("request_id", ["ü", "😀", '"', "\\", "'; --", "[]", "007", "\x01", " "])
def test_any_text_may_be_a_request_id(connection: Connection, request_id: str) -> None:
    named = request(request_id, b"body")
    idempotency.keep(connection, [(named, FACTS)], create_time=100, horizon=0)

    assert idempotency.find(connection, [named], horizon=0)[named.name].to(named) == FACTS


@pytest.mark.parametrize(
    "other",
    [
        request("r-2", b"body"),
        request("r-1", b"body", tenant="other"),
        request("r-1", b"body", caller="other"),
        request("r-1", b"body", rpc="CreateChannel"),
    ],
    ids=["id", "tenant", "caller", "rpc"],
)
def test_an_answer_is_not_found_by_another_name(connection: Connection, other: object) -> None:
    idempotency.keep(connection, [(request("r-1", b"body"), FACTS)], create_time=100, horizon=0)

    assert idempotency.find(connection, [other], horizon=0) == {}  # type: ignore[list-item]


def test_the_same_name_with_another_body_is_refused(connection: Connection) -> None:
    idempotency.keep(connection, [(request("r-1", b"body"), FACTS)], create_time=100, horizon=0)
    other = request("r-1", b"other")

    found = idempotency.find(connection, [other], horizon=0)

    with pytest.raises(RequestIdReused) as caught:
        found[other.name].to(other)
    assert caught.value.metadata == {"request_id": "r-1"}


def test_a_request_without_an_id_is_neither_kept_nor_found(connection: Connection) -> None:
    idempotency.keep(connection, [(request(""), FACTS)], create_time=100, horizon=0)

    assert idempotency.find(connection, [request("")], horizon=0) == {}
    assert count(connection) == 0


@pytest.mark.parametrize(("horizon", "is_found"), [(99, True), (100, True), (101, False)])
def test_an_answer_counts_up_to_the_horizon(
    connection: Connection, horizon: int, is_found: bool
) -> None:
    named = request("r-1", b"body")
    idempotency.keep(connection, [(named, FACTS)], create_time=100, horizon=0)

    assert bool(idempotency.find(connection, [named], horizon)) is is_found


def test_a_new_answer_takes_the_place_of_one_that_is_too_old(connection: Connection) -> None:
    idempotency.keep(
        connection, [(request("r-1", b"old"), {"sequence": 1})], create_time=100, horizon=0
    )
    again = request("r-1", b"new")
    idempotency.keep(connection, [(again, {"sequence": 2})], create_time=200, horizon=150)

    assert idempotency.find(connection, [again], horizon=150)[again.name].to(again) == {
        "sequence": 2
    }
    assert count(connection) == 1


def test_an_answer_is_not_replaced_before_its_retention(connection: Connection) -> None:
    idempotency.keep(connection, [(request("r-1", b"a"), FACTS)], create_time=100, horizon=0)

    with pytest.raises(Overtaken):
        idempotency.keep(connection, [(request("r-1", b"b"), FACTS)], create_time=200, horizon=100)


def test_many_answers_are_kept_and_found_at_once(connection: Connection) -> None:
    named = [request(f"r-{n}", tenant=f"t-{n % 3}") for n in range(600)]
    idempotency.keep(connection, [(each, {"sequence": n}) for n, each in enumerate(named)], 100, 0)

    found = idempotency.find(connection, named, horizon=0)

    assert [found[each.name].to(each)["sequence"] for each in named] == list(range(600))
