from binascii import crc32
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tocsin_server.domain.model.counters import Counters
from tocsin_server.domain.model.cursors import Cursor, Position
from tocsin_server.domain.model.identity import InboxKey
from tocsin_server.domain.model.inboxes import Inbox
from tocsin_server.domain.model.opaque import encode_token

from tests.support.building import ALICE, BOB

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
NUMBER = st.integers(0, 2**63 - 1)
PLACE = st.integers(0, 2**63 - 2)

EPOCH = 77
CURSORS = (Cursor(EPOCH, 5, ALICE.digest(), Position(20, sequence)) for sequence in count(1))
# One whose text has both letters that plain base64 writes in another way.
CURSOR = next(cursor for cursor in CURSORS if {"-", "_"} <= set(cursor.encode()))
TEXT = CURSOR.encode()


def inbox(
    key: InboxKey = ALICE, *, incarnation: int = 5, revision: int = 30, oldest_revision: int = 10
) -> Inbox:
    return Inbox(key, incarnation, revision, oldest_revision, Counters(0, 0, 0))


def cursor(
    revision: int, *, epoch: int = EPOCH, incarnation: int = 5, key: InboxKey = ALICE
) -> Cursor:
    return Cursor(epoch, incarnation, key.digest(), Position(revision))


@given(NUMBER, NUMBER, st.binary(min_size=8, max_size=8), PLACE, PLACE)
def test_a_cursor_is_parsed_as_what_was_encoded(
    epoch: int, incarnation: int, digest: bytes, revision: int, sequence: int
) -> None:
    cursor = Cursor(epoch, incarnation, digest, Position(revision, sequence))

    assert Cursor.parse(cursor.encode()) == cursor


def test_a_cursor_fits_what_the_contract_says_and_is_safe_in_a_url() -> None:
    text = Cursor(2**63 - 1, 2**63 - 1, b"\xff" * 8, Position(2**63 - 2, 2**63 - 2)).encode()

    assert len(text) <= 256
    assert set(text) <= set(ALPHABET)


def test_any_character_changed_is_refused() -> None:
    accepted = []
    for index, character in enumerate(TEXT):
        for other in ALPHABET + "+/= \n!\x00é":
            if other != character:
                changed = TEXT[:index] + other + TEXT[index + 1 :]
                try:
                    Cursor.parse(changed)
                except ValueError:
                    continue
                accepted.append(changed)

    assert accepted == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "é" * 60,
        "A" * 60,
        TEXT[:-1],
        TEXT[:-4],
        TEXT[1:],
        TEXT + "A",
        TEXT + "AAAA",
        TEXT + "=",
        TEXT + "\n",
        " " + TEXT,
        TEXT[:20] + "!" + TEXT[20:],
        TEXT + TEXT,
    ],
)
def test_a_text_that_no_server_gave_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    "position",
    [Position(2**63 - 1), Position(2**63), Position(2**64 - 1), Position(20, 2**63)],
)
def test_a_position_that_no_inbox_can_reach_is_refused(position: Position) -> None:
    with pytest.raises(ValueError, match="cursor"):
        Cursor.parse(replace(CURSOR, position=position).encode())


@pytest.mark.parametrize("revision", [10, 11, 29, 30])
def test_a_cursor_of_the_retained_history_resumes(revision: int) -> None:
    assert cursor(revision).resumes(EPOCH, inbox())


@pytest.mark.parametrize(
    ("foreign", "why"),
    [
        (cursor(20, epoch=EPOCH + 1), "of another store"),
        (cursor(20, incarnation=6), "of another life of the inbox"),
        (cursor(20, key=BOB), "of another user"),
        (cursor(20, key=InboxKey("other", "alice")), "of another tenant"),
        (cursor(9), "older than the history"),
        (cursor(0), "older than the history"),
        (cursor(31), "ahead of the head"),
    ],
)
def test_a_cursor_of_elsewhere_does_not_resume(foreign: Cursor, why: str) -> None:
    assert not foreign.resumes(EPOCH, inbox()), why


def test_a_cursor_from_before_the_first_message_resumes_while_all_history_is_there() -> None:
    unborn = cursor(0, incarnation=0)

    assert unborn.resumes(EPOCH, Inbox.unborn(ALICE))
    assert unborn.resumes(EPOCH, inbox(oldest_revision=0))
    assert not unborn.resumes(EPOCH, inbox(oldest_revision=1))


def test_a_cursor_of_no_life_past_the_beginning_does_not_resume() -> None:
    assert not cursor(20, incarnation=0).resumes(EPOCH, inbox())


def test_a_cursor_of_a_life_does_not_resume_an_unborn_inbox() -> None:
    assert not cursor(0).resumes(EPOCH, Inbox.unborn(ALICE))
    assert not cursor(1).resumes(EPOCH, Inbox.unborn(ALICE))


@pytest.mark.parametrize("body", [b"\x02" + b"x" * 40, b"\x02", b"\x01" + b"x" * 50])
def test_a_cursor_of_another_version_of_the_program_resumes_nowhere(body: bytes) -> None:
    text = encode_token(body + crc32(body).to_bytes(4, "big"))

    assert not Cursor.parse(text).resumes(EPOCH, inbox())
