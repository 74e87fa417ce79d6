"""Times and spans of time, encoded."""

from functools import lru_cache

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


@lru_cache(maxsize=1_024)
def timestamp(microseconds: int) -> Timestamp:
    """Returns a time in microseconds since the Unix epoch as a Timestamp, to read only.

    The copies of a message share their times, so most of them are known already.
    """
    seconds, rest = divmod(microseconds, 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1_000)


def duration(seconds: float) -> Duration:
    """Returns a span in seconds, to the microsecond, as a Duration."""
    whole, rest = divmod(round(seconds * 1_000_000), 1_000_000)
    return Duration(seconds=whole, nanos=rest * 1_000)
