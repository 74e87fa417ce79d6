import pytest
from tocsin_server.domain.model.limits import page_size, snapshot_size


@pytest.mark.parametrize(("requested", "size"), [(0, 50), (1, 1), (999, 999), (1_000, 1_000)])
def test_a_size_within_the_limit_holds_and_none_is_fifty(requested: int, size: int) -> None:
    assert page_size(requested) == size
    assert snapshot_size(requested) == size


@pytest.mark.parametrize("requested", [1_001, 2**31 - 1])
def test_a_larger_size_is_taken_as_the_limit(requested: int) -> None:
    assert page_size(requested) == 1_000
    assert snapshot_size(requested) == 1_000
