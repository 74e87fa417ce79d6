import json

from tocsin_client._channel import unary_options


def test_every_call_but_streams_is_repeated_while_no_server_answers() -> None:
    config = json.loads(str(dict(unary_options())["grpc.service_config"]))

    (method_config,) = config["methodConfig"]
    names = {f"{name['service']}/{name['method']}" for name in method_config["name"]}
    assert "tocsin.v1.MessageService/SendMessage" in names
    assert "tocsin.v1.InboxService/GetInbox" in names
    assert "tocsin.v1.InboxService/Subscribe" not in names
    assert method_config["waitForReady"] is True
    assert method_config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
