"""The limits that callers and operators meet.

They are the limits of callers' fields, requests and streams, and of operators'
settings. The sizes of internal buffers are constants of the code that uses them.
"""

import re

REQUEST_BYTES = 4 * 1024 * 1024
RESPONSE_BYTES = 1024 * 1024

CHANNEL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
USER_ID_CHARACTERS = 128
USER_ID_EXCLUDED = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
"""Unicode's categories of the characters that a user id must not have.

They are control, format, surrogate and space characters.
"""
MESSAGE_ID_CHARACTERS = 128
REQUEST_ID_CHARACTERS = 128

TITLE_CHARACTERS = 200
CONTENT_CHARACTERS = 10_000
DESCRIPTION_CHARACTERS = 2_000
URL_CHARACTERS = 2_048
SENDER_CHARACTERS = 128
DATA_BYTES = 16 * 1024
DATA_DEPTH = 16
"""How many levels of structs and lists `data` may have."""
LABELS = 32
LABEL_KEY_CHARACTERS = 63
LABEL_VALUE_CHARACTERS = 256

RECIPIENTS = 1_000
BATCH_ITEMS = 500
BATCH_RECIPIENTS = 5_000
CHANNEL_FILTER = 100
SELECTED_NOTIFICATIONS = 1_000
SELECTED_CHANNELS = 100

PAGE_SIZE = 50
PAGE_SIZE_MAX = 1_000
SNAPSHOT_SIZE = 50
SNAPSHOT_SIZE_MAX = 1_000

STREAMS_A_USER = 16
"""How many streams a user has open at most in one server process."""
STREAMS = 20_000
"""How many streams a server has open at most, unless its operator says otherwise."""

WAITING_ROWS = 100_000
"""How many rows may wait to be written before callers are turned away."""

HEARTBEAT_SECONDS = 30.0
HEARTBEAT_SECONDS_MIN = 1.0
HEARTBEAT_SECONDS_MAX = 300.0

RETENTION_SECONDS_MIN = 1.0
RETENTION_SECONDS_MAX = 3650 * 86_400.0


def page_size(requested: int) -> int:
    """Returns the page size for the one that a caller requests: 0 is the default."""
    return min(requested or PAGE_SIZE, PAGE_SIZE_MAX)


def snapshot_size(requested: int) -> int:
    """Returns the snapshot size for the one that a caller requests: 0 is the default."""
    return min(requested or SNAPSHOT_SIZE, SNAPSHOT_SIZE_MAX)
