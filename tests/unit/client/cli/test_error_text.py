import pytest
from tocsin_client import FailedPrecondition
from tocsin_client.cli.error_text import clause, described, sentence


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


@pytest.mark.parametrize(
    ("delay", "end"),
    [(None, ""), (0.0, ""), (1.0, " Try again in 1 s."), (0.25, " Try again in 0.25 s.")],
)
def test_an_error_says_when_to_try_again(delay: float | None, end: str) -> None:
    failure = FailedPrecondition(
        'A channel "news" was deleted.', reason="CHANNEL_BEING_DELETED", retry_delay=delay
    )

    assert described(failure) == f'A channel "news" was deleted. [CHANNEL_BEING_DELETED]{end}'


def test_an_error_that_says_itself_when_to_try_again_does_not_say_it_twice() -> None:
    failure = FailedPrecondition("It is being deleted. Try again in 1 s.", retry_delay=1.0)

    assert described(failure) == "It is being deleted. Try again in 1 s. [UNKNOWN]"
