import pytest
from tocsin_client.cli.error_text import clause, sentence


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ("It is wrong", "It is wrong."),
        ("It is wrong.", "It is wrong."),
        ("It is wrong..", "It is wrong."),
        ("Did you mean 'create'?", "Did you mean 'create'?"),
    ],
)
def test_a_sentence_ends_once(problem: str, shown: str) -> None:
    assert sentence(problem) == shown
    assert clause(problem) == shown.rstrip(".")
