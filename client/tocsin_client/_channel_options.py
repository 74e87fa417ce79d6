"""The options of connections to a server, and which calls they repeat."""

import json

from tocsin.v1 import channel_service_pb2, inbox_service_pb2, message_service_pb2

CLOSED = "the client is closed"

# Above 100, a server's usual limit, a connection's next stream hangs without a word.
STREAMS_PER_CHANNEL = 90

_OPTIONS: list[tuple[str, int | str]] = [
    # A dead link is found, an idle one's too, while a call that it swallowed has time to be
    # repeated; servers take a ping in 10 s.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A server that starts again is found within about a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # It bounds an attempt, too: after so long another replaces one that gets no answer.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # Otherwise channels to one target share a connection, and streams starve unary calls.
    ("grpc.use_local_subchannel_pool", 1),
]


def unary_options() -> list[tuple[str, int | str]]:
    return [
        *_OPTIONS,
        ("grpc.service_config", json.dumps(_service_config())),
        # A request larger than the buffer is not retried: hold the largest, 4 MiB.
        ("grpc.per_rpc_retry_buffer_size", 8 << 20),
    ]


def stream_options() -> list[tuple[str, int | str]]:
    # A stream is resumed from its cursor, never repeated by the channel.
    return [*_OPTIONS, ("grpc.enable_retries", 0)]


def _service_config() -> dict[str, object]:
    """Every unary call waits for a server and is repeated: its request id makes that safe."""
    services = [
        *channel_service_pb2.DESCRIPTOR.services_by_name.values(),
        *message_service_pb2.DESCRIPTOR.services_by_name.values(),
        *inbox_service_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    names = [
        {"service": service.full_name, "method": method.name}
        for service in services
        for method in service.methods
        if not method.server_streaming
    ]
    policy = {
        "maxAttempts": 5,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        # A server that stops answers CANCELLED to calls which it has not begun.
        "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
    }
    return {"methodConfig": [{"name": names, "waitForReady": True, "retryPolicy": policy}]}
