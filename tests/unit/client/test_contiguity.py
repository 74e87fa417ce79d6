import pytest
from tocsin.v1.inbox_service_pb2 import SubscribePhase, SubscribeResponse
from tocsin_client._contiguity import Contiguity, Verdict

from tests.unit.client.scripting import heartbeat, live, reconnect, replay, snapshot


def named(response: SubscribeResponse) -> str:
    phase = SubscribePhase.Name(response.phase).removeprefix("SUBSCRIBE_PHASE_")
    return f"{phase}({response.after_revision},{response.revision}]"


def judge(*responses: SubscribeResponse, resumed: bool = False) -> Verdict:
    """The verdict on the last response of one stream; those before must be flawless."""
    contiguity = Contiguity()
    contiguity.open_stream(resumed=resumed)
    for response in responses[:-1]:
        assert contiguity.take(response).violations == ()
    return contiguity.take(responses[-1])


@pytest.mark.parametrize(
    "responses",
    [
        (snapshot(0), live(0, 1), live(1, 4), heartbeat(4), live(4, 5), reconnect(5, 1)),
        (snapshot(9, 9, 8, last=False), snapshot(9, 7, after=9), live(9, 10)),
        (snapshot(9, 9, last=False), snapshot(9, 12, 7, after=9), replay(9, 12, 10, 12, last=True)),
        (snapshot(5), live(5, 7, 6, 6, 7)),
        # Falling behind, and catching up.
        (snapshot(5), live(5, 6), replay(6, 8, 7, 8), replay(8, 12, 10, last=True), live(12, 13)),
        # A page that ends inside revision 7.
        (snapshot(5), replay(5, 6, 6, 7, 7), replay(6, 7, 7, last=True), live(7, 8)),
        # The history is gone meanwhile: a new SNAPSHOT, even of an older revision.
        (snapshot(5), live(5, 6), snapshot(3, 3), live(3, 4)),
    ],
)
def test_a_contiguous_stream_has_no_violations(responses: tuple[SubscribeResponse, ...]) -> None:
    assert judge(*responses).violations == ()


@pytest.mark.parametrize(
    "first", [replay(7, 9, 8, 9), live(7, 8), heartbeat(7), reconnect(7, 1)], ids=named
)
def test_a_stream_from_a_foreign_cursor_may_go_on_anywhere(first: SubscribeResponse) -> None:
    assert judge(first, resumed=True).violations == ()


@pytest.mark.parametrize(
    ("responses", "violation"),
    [
        ((snapshot(5), live(6, 7)), "after_revision is 6, but what came before ended at 5"),
        ((snapshot(5), live(4, 6)), "after_revision is 4, but what came before ended at 5"),
        ((snapshot(5), heartbeat(6)), "after_revision is 6, but what came before ended at 5"),
        ((snapshot(5), replay(5, 4)), "revision 4 is less than after_revision 5"),
        ((snapshot(5), live(5, 8, 6, 8)), "LIVE of (5, 8] carries the revisions 6, 8"),
        ((snapshot(5), live(5, 7, 7, 6)), "LIVE of (5, 7] carries the revisions 7, 6"),
        ((snapshot(5), live(5, 7, 6, 7, 6)), "LIVE of (5, 7] carries the revisions 6, 7, 6"),
        ((snapshot(5), live(5, 6, 6, 7)), "LIVE of (5, 6] carries the revisions 6, 7"),
        ((snapshot(5), live(5, 6, 5, 6)), "LIVE of (5, 6] carries the revisions 5, 6"),
        (
            (snapshot(5), replay(5, 8, 7, 6)),
            "REPLAY of (5, 8] is not ordered by revision: 7, 6",
        ),
        ((snapshot(5), replay(5, 8, 5, 6)), "REPLAY of (5, 8] carries the revisions 5"),
        ((snapshot(5), replay(5, 8, 6, 10)), "REPLAY of (5, 8] carries the revisions 10"),
        (
            (snapshot(5), replay(5, 8, 6, 9, last=True)),
            "REPLAY of (5, 8] carries the revisions 9",
        ),
        ((live(0, 1),), "LIVE came before a SNAPSHOT was complete"),
        ((replay(0, 1, 1),), "REPLAY came before a SNAPSHOT was complete"),
        (
            (snapshot(5, last=False), live(5, 6)),
            "LIVE came before a SNAPSHOT was complete",
        ),
        (
            (snapshot(5, last=False), heartbeat(5)),
            "a cursor came before the SNAPSHOT was complete",
        ),
    ],
)
def test_a_broken_rule_is_named(responses: tuple[SubscribeResponse, ...], violation: str) -> None:
    assert judge(*responses).violations == (violation,)


def test_live_without_a_change_of_its_revisions_is_a_violation() -> None:
    response = live(5, 6)
    del response.changes[:]

    assert judge(snapshot(5), response).violations == ("LIVE of (5, 6] carries the revisions none",)


def test_a_long_list_of_revisions_is_cut_in_the_violation() -> None:
    verdict = judge(snapshot(0), live(0, 50, *range(1, 50)))

    assert verdict.violations == (
        "LIVE of (0, 50] carries the revisions 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …",
    )


def test_counts_of_another_revision_are_a_violation() -> None:
    response = live(5, 6)
    response.inbox.revision = 7

    assert judge(snapshot(5), response).violations == ("the counts are of revision 7, not of 6",)


def test_a_heartbeat_that_moves_the_revision_is_a_violation() -> None:
    response = heartbeat(5)
    response.revision = 6

    assert judge(snapshot(5), response).violations == (
        "a response that carries nothing moved the revision",
    )


def test_a_cursor_inside_a_snapshot_is_a_violation_and_not_resumable() -> None:
    response = snapshot(5, 5, last=False)
    response.cursor = "too early"

    verdict = judge(response)

    assert verdict.violations == ("a cursor came before the SNAPSHOT was complete",)
    assert not verdict.resumable


def test_a_violation_counts_once_and_not_again_in_what_follows() -> None:
    contiguity = Contiguity()
    contiguity.open_stream(resumed=False)

    verdicts = [contiguity.take(r) for r in (snapshot(5), live(8, 9), live(9, 10))]

    assert [len(verdict.violations) for verdict in verdicts] == [0, 1, 0]


def test_only_the_first_response_of_a_snapshot_starts_over() -> None:
    contiguity = Contiguity()
    contiguity.open_stream(resumed=False)
    responses = [
        snapshot(5, 5, last=False),
        snapshot(5, 4, after=5),
        live(5, 6),
        snapshot(9, 9),
        snapshot(3, 3),
    ]

    verdicts = [contiguity.take(response) for response in responses]

    assert [verdict.starts_over for verdict in verdicts] == [True, False, False, True, True]


@pytest.mark.parametrize("first", [replay(6, 8, 7), live(6, 7), heartbeat(6)], ids=named)
def test_a_resumed_stream_goes_on_where_the_last_one_ended(first: SubscribeResponse) -> None:
    contiguity = Contiguity()
    contiguity.open_stream(resumed=False)
    contiguity.take(snapshot(5))
    contiguity.take(live(5, 6))

    contiguity.open_stream(resumed=True)

    assert contiguity.take(first).violations == ()


@pytest.mark.parametrize(
    "first", [replay(7, 8, 8), live(7, 8), replay(5, 6, 6), heartbeat(7)], ids=named
)
def test_a_resumed_stream_that_goes_on_elsewhere_is_a_violation(first: SubscribeResponse) -> None:
    contiguity = Contiguity()
    contiguity.open_stream(resumed=False)
    contiguity.take(snapshot(5))
    contiguity.take(live(5, 6))

    contiguity.open_stream(resumed=True)

    assert len(contiguity.take(first).violations) == 1


def test_a_stream_goes_on_from_the_last_response_that_had_a_cursor() -> None:
    contiguity = Contiguity()
    contiguity.open_stream(resumed=False)
    contiguity.take(snapshot(5))
    without_cursor = live(5, 6)
    without_cursor.cursor = ""
    contiguity.take(without_cursor)

    contiguity.open_stream(resumed=True)

    assert contiguity.take(replay(5, 6, 6, last=True)).violations == ()
