"""Where a link may lead."""

import re
from urllib.parse import urlsplit

_ORDINARY = re.compile(r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(/[!-\[\]-~]*)?")
"""What nearly all links look like, and needs no closer look."""


def link_problem(link: str) -> str | None:
    """Returns what is wrong with a link, or None.

    Allowed are `http` and `https` with a host and no user info, and paths that
    start with one slash. The rule errs on the safe side: whatever browsers
    read in several ways, such as backslashes and control characters, is out.
    """
    return None if _ORDINARY.fullmatch(link) else _closer_look(link)


def _closer_look(link: str) -> str | None:
    """Returns what is wrong with any link, or None."""
    if not link.isprintable():
        return "must not contain control characters"
    if "\\" in link or link != link.strip():
        return "must not contain backslashes or start or end with spaces"
    if link.startswith("/"):
        return "must not start with two slashes" if link.startswith("//") else None
    try:
        parts = urlsplit(link)
        host, user_info, _ = parts.hostname, "@" in parts.netloc, parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in ("http", "https"):
        return "must be http, https, or a path that starts with one slash"
    if not host or not link.lower().startswith(f"{parts.scheme}://"):
        return "must have a host"
    if any(character.isspace() for character in parts.netloc):
        return "must not contain spaces in its host"
    if user_info:
        return "must not contain user info"
    return None
