import json

import pytest
from tocsin_client._channel import parse_target, unary_options


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:50051", "tocsin.example:443", "[::1]:50051", "unix:tocsin.sock", "unix:///run/t"],
)
def test_a_target_is_taken(target: str) -> None:
    assert parse_target(target) == target


@pytest.mark.parametrize(
    "target",
    ["", "localhost", "localhost:", ":50051", "::1:50051", "host:0", "host:65536", "unix:",
     "http://localhost:50051", "host:1 ", "a:1,b:2", "\udcff:1", "unix:\udcff"],
)  # fmt: skip
def test_another_form_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="neither host:port nor unix:path"):
        parse_target(target)


def test_every_call_but_streams_is_repeated_while_no_server_answers() -> None:
    config = json.loads(str(dict(unary_options())["grpc.service_config"]))

    (method_config,) = config["methodConfig"]
    names = {f"{name['service']}/{name['method']}" for name in method_config["name"]}
    assert "tocsin.v1.MessageService/SendMessage" in names
    assert "tocsin.v1.InboxService/GetInbox" in names
    assert "tocsin.v1.InboxService/Subscribe" not in names
    assert method_config["waitForReady"] is True
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
