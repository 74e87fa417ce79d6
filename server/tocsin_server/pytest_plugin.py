"""The fixture that pytest finds where Tocsin is installed."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin_server.testing import LocalServer


@pytest.fixture
def tocsin_server() -> "Iterator[LocalServer]":
    """A Tocsin server of the test's own, in this process: a `tocsin_server.testing.LocalServer`."""
    # Only a test that asks for it pays for the server's import.
    from tocsin_server.testing import LocalServer  # noqa: PLC0415

    with LocalServer() as server:
        yield server
