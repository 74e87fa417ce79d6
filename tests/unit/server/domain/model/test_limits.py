import pytest
from tocsin_server.domain.model.limits import page_size, snapshot_size


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (999, 999), (1_000, 1_000)])
def test_a_size_within_the_limit_holds_and_none_is_fifty(asked: int, given: int) -> None:
    assert page_size(asked) == given
    assert snapshot_size(asked) == given


@pytest.mark.parametrize("asked", [1_001, 2**31 - 1])
def test_a_larger_size_is_taken_as_the_limit(asked: int) -> None:
    assert page_size(asked) == 1_000
    assert snapshot_size(asked) == 1_000
