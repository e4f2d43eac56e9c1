"""The target of a request: where it is sent, which may name a host of its own (RFC 9112, section 3.2.2)."""

import re

Header = tuple[bytes, bytes]

ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]+)(.*)", re.DOTALL)


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the host that an absolute target names, with its port, and the target as it would be without them.

    Raises ValueError for a target of another scheme.
    """
    if not (found := ABSOLUTE.fullmatch(target)):
        raise ValueError("a target is a path, or a URL of http or https")
    host, path = found.groups()
    return host, path if path.startswith(b"/") else b"/" + path


def put_host(headers: list[Header], host: bytes) -> None:
    """Put the target's host in the place of each `Host`, as who reads both would believe another one.

    None is added: a request of HTTP/1.1 without one is refused all the same.
    """
    headers[:] = [(name, host if name == b"host" else value) for name, value in headers]
