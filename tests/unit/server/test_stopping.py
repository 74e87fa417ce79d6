"""The limits of a stop: docs/operations.md promises that it takes at most two seconds."""

from tocsin_server.app import CANCEL_SECONDS, CLOSE_SECONDS, GRACE_SECONDS
from tocsin_server.grpc_transport.server import LEAVE_SECONDS
from tocsin_server.store.writing.writer import END_SECONDS


def test_the_limits_of_a_stop_add_up_to_less_than_two_seconds() -> None:
    assert GRACE_SECONDS + LEAVE_SECONDS + CANCEL_SECONDS + CLOSE_SECONDS < 2


def test_the_writer_refuses_what_waits_before_the_store_is_left_to_itself() -> None:
    assert END_SECONDS < CLOSE_SECONDS
