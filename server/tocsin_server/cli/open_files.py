"""The limit of open files, which bounds how many streams a server can have: each may be a connection."""

import resource
import sys

RESERVED = 128
"""How many files a server has open besides its streams' connections.

They are those of the store and of the event loops, and connections of calls
that are no streams.
"""


def raise_open_files() -> int:
    """Raises the soft limit of open files to the hard one, and returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # a system whose kernel has a limit of its own
            return _number(soft)
    return _number(hard)


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit
