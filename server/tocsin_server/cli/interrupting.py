"""Interrupting a verb that leaves nothing half-done behind."""

import signal


def end_orderly() -> None:
    """Makes SIGTERM what SIGINT is: an exception, so that what was begun is cleaned up."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
