import threading

from tocsin_client._watchdog import Watchdog

from tests.support.waiting import DEADLINE_SECONDS


class Call:
    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()


def test_a_call_that_brings_nothing_is_cancelled() -> None:
    watchdog, call = Watchdog(patience=0.0), Call()
    watchdog.begin(call)

    watchdog.cancel_overdue()

    assert call.cancelled.wait(DEADLINE_SECONDS)
    assert watchdog.cancelled(call)


def test_a_call_that_has_brought_a_response_is_not_cancelled() -> None:
    watchdog, call = Watchdog(patience=0.0), Call()
    watchdog.begin(call)
    assert watchdog.seconds_left() <= 0
    watchdog.end()

    watchdog.cancel_overdue()

    assert not call.cancelled.is_set()
    assert not watchdog.cancelled(call)


def test_another_call_is_not_cancelled_in_the_place_of_one_that_is_over() -> None:
    watchdog, call, another = Watchdog(patience=0.0), Call(), Call()
    watchdog.begin(call)
    assert watchdog.seconds_left() <= 0
    watchdog.end()
    watchdog.begin(another, after=3600)

    watchdog.cancel_overdue()

    assert not call.cancelled.is_set()
    assert not another.cancelled.is_set()
    assert not watchdog.cancelled(call)
