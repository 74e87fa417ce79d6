import os

import pytest

from tests.support.waiting import stretched


@pytest.mark.parametrize(
    ("load", "seconds"), [(0.0, 2.0), (4.0, 2.0), (6.0, 3.0), (8.0, 4.0), (80.0, 4.0)]
)
def test_a_busy_machine_has_more_time_and_at_most_twice_as_much(
    monkeypatch: pytest.MonkeyPatch, load: float, seconds: float
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    assert stretched(2.0) == seconds
