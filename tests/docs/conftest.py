import pytest


@pytest.fixture(autouse=True)
def programs_fork(forked: None) -> None:
    """Programs start without their imports; what a document has entered in a shell, with them."""
