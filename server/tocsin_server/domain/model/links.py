"""Where a link may lead."""

import re
from urllib.parse import urlsplit

_ORDINARY = re.compile(
    r"https?://[a-z0-9-]+(\.[a-z0-9-]+)*(/[!-\[\]-~]*)?"
    r"|/(?!/)[!-$&-\-/-\[\]-~]*"  # without `%` and `.` nothing is to be resolved
)
"""What nearly all links look like, and needs no closer look."""

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
"""What browsers take for the dot between two labels of a host."""

_BRACKETED = re.compile(r"\[[^\]]*\](:[0-9]*)?")
"""A host in brackets, and a port."""

_NOT_IN_HOSTS = frozenset("%<>^|")
"""Characters that browsers refuse in a host, or decode to others."""


def link_problem(link: str) -> str | None:
    """Returns what is wrong with a link, or None.

    Allowed are `http` and `https` with a host and no user info, and paths that
    start with one slash, also when a browser has resolved their `.` and `..`.
    The rule errs on the safe side: a link that browsers may read in several
    ways is refused, such as one with backslashes or control characters.
    """
    return None if _ORDINARY.fullmatch(link) else _closer_look(link)


def _closer_look(link: str) -> str | None:
    """Returns what is wrong with any link, or None."""
    if not link.isprintable():
        return "must not contain control characters"
    if "\\" in link or link != link.strip():
        return "must not contain backslashes or start or end with spaces"
    if link.startswith("/"):
        return "must not start with two slashes" if _leads_to_a_host(link) else None
    try:
        parts = urlsplit(link)
        host, user_info, _ = parts.hostname, "@" in parts.netloc, parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in ("http", "https"):
        return "must be http, https, or a path that starts with one slash"
    if not host or not link.lower().startswith(f"{parts.scheme}://"):
        return "must have a host"
    if user_info:
        return "must not contain user info"
    return _host_problem(parts.netloc, host)


def _host_problem(host_and_port: str, host: str) -> str | None:
    """Returns what is wrong with the host of a link, or None."""
    if any(character.isspace() for character in host_and_port):
        return "must not contain spaces in its host"
    # Nothing but a port may follow the brackets of an IPv6 address; urlsplit takes anything.
    if "[" in host_and_port and not _BRACKETED.fullmatch(host_and_port):
        return "is not a valid URL"
    # A name that is fully qualified ends with a dot (RFC 3986, 3.2.2).
    if not _NOT_IN_HOSTS.isdisjoint(host) or not all(_DOTS.split(host.removesuffix("."))):
        return "must have a host of labels between single dots, nothing of it percent-encoded"
    return None


def _leads_to_a_host(path: str) -> bool:
    """Tells whether a path starts with two slashes, as it is or once its dots are resolved.

    (Source: the URL Standard's "path state", which resolves encoded dots, too.)
    """
    if path.startswith("//"):
        return True
    resolved: list[str] = []
    *inner, last = re.split("[?#]", path, maxsplit=1)[0].split("/")[1:]
    for segment in (*inner, last):
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del resolved[-1:]
        elif dots != ".":
            resolved.append(segment)
    # A dot at the end leaves the slash before it.
    if last.lower().replace("%2e", ".") in (".", ".."):
        resolved.append("")
    return len(resolved) > 1 and not resolved[0]
