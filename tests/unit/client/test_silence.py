import threading

from tocsin_client._silence import Silence

from tests.support.waiting import DEADLINE_SECONDS


class Call:
    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


def test_a_call_that_brings_nothing_is_given_up() -> None:
    silence, call = Silence(patience=0.0), Call()
    silence.begin(call)

    silence.give_up()

    assert call.cancelled.wait(DEADLINE_SECONDS)
    assert silence.gave_up(call)


def test_a_call_that_has_brought_something_is_not_given_up() -> None:
    silence, call = Silence(patience=0.0), Call()
    silence.begin(call)
    assert silence.patience_left() <= 0
    silence.end()

    silence.give_up()

    assert not call.cancelled.is_set()
    assert not silence.gave_up(call)


def test_another_call_is_not_given_up_in_the_place_of_one_that_is_over() -> None:
    silence, call, another = Silence(patience=0.0), Call(), Call()
    silence.begin(call)
    assert silence.patience_left() <= 0
    silence.end()
    silence.begin(another, after=3600)

    silence.give_up()

    assert not call.cancelled.is_set()
    assert not another.cancelled.is_set()
    assert not silence.gave_up(call)
