"""The options of connections to a server."""

CLOSED = "the client is closed"

# Above 100, a server's usual limit, the next stream of a connection hangs, with no error.
STREAMS_PER_CHANNEL = 90

_OPTIONS: list[tuple[str, int | str]] = [
    # A dead link is found, also an idle one, while a call that was lost on it has time to be
    # repeated. Servers accept a ping every 10 s.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # A server that has restarted is found within about a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # It bounds an attempt to connect, too: one that gets no answer is given up after so long.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    # Otherwise channels to one target share a connection, and unary calls starve behind streams.
    ("grpc.use_local_subchannel_pool", 1),
]


def unary_options() -> list[tuple[str, int | str]]:
    # Calls are repeated by `_retries`; gRPC repeats only what it knows that no server has seen.
    return [*_OPTIONS]


def stream_options() -> list[tuple[str, int | str]]:
    # A stream is resumed from its cursor, never repeated by the channel.
    return [*_OPTIONS, ("grpc.enable_retries", 0)]
