"""Where tests keep their files: in memory, where the system has room, as fsyncs cost nothing there."""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # tests make folders of their own in it
_ROOM_BYTES = 4 * 2**30


def memory_folder() -> Path | None:
    """Returns the folder of a file system in memory, or None where too little of it is free."""
    try:
        free = shutil.disk_usage(_MEMORY).free
    except OSError:
        return None
    return _MEMORY if free >= _ROOM_BYTES and os.access(_MEMORY, os.W_OK) else None
