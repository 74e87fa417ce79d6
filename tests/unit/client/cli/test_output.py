import sys

import pytest
from tocsin_client.cli.output import Output


def test_a_note_does_not_go_to_stdout_if_stderr_is_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)

    Output(as_json=True).note("waiting")

    assert capsys.readouterr().out == ""
