import errno
import os

import pytest
import typer
from tocsin_client import AsyncClient
from tocsin_client.cli.output import Output
from tocsin_client.cli.runner import perform


@pytest.mark.parametrize(
    ("cause", "text"), [("Connection refused.", "Connection refused"), ("", "silence")]
)
def test_a_wait_is_reported_with_its_cause_and_its_end(
    cause: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(client: AsyncClient, output: Output) -> None:
        report = client._calls._on_silence
        assert report is not None
        report(cause)

    perform(work, target="127.0.0.1:1", timeout=7.5, as_json=False)

    assert capsys.readouterr().err == (
        f"tocsin: waiting up to 7.5 s (--timeout) for 127.0.0.1:1: {text}\n"
    )


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (
            OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
            "127.0.0.1:1: Too many open files",
        ),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/etc/roots.pem"),
            "/etc/roots.pem: Permission denied",
        ),
    ],
    ids=["a socket", "a file"],
)
def test_what_the_system_refuses_is_reported_by_its_name(failure: OSError, message: str) -> None:
    async def work(client: AsyncClient, output: Output) -> None:
        raise failure

    with pytest.raises(typer.TyperException) as raised:
        perform(work, target="127.0.0.1:1", as_json=False)

    assert raised.value.format_message() == message
    assert raised.value.exit_code == 1
