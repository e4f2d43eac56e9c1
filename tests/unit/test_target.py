"""The target of a request: a whole address is split into its host and what is asked for there."""

import pytest

from api.http.connection import replace_hosts, split_target


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"http://ward.example/v1/jobs?limit=1", b"ward.example", b"/v1/jobs?limit=1"),
        (b"HTTPS://ward.example:8001/", b"ward.example:8001", b"/"),
        (b"http://ward.example", b"ward.example", b"/"),
        (b"http://ward.example?limit=1", b"ward.example", b"/?limit=1"),
        (b"http://[::1]:8001/a:b@c", b"[::1]:8001", b"/a:b@c"),
        (b"http://localhost@evil.example/", b"localhost@evil.example", b"/"),
    ],
)
def test_a_whole_address_is_a_host_and_a_path(target: bytes, host: bytes, path: bytes) -> None:
    assert split_target(target) == (host, path)


@pytest.mark.parametrize("target", [b"ftp://ward.example/", b"http:///v1/jobs", b"ward.example:443", b"*", b"v1/jobs"])
def test_what_is_no_address_of_http_is_refused(target: bytes) -> None:
    with pytest.raises(ValueError, match="a target is"):
        split_target(target)


def test_the_host_of_a_target_takes_the_place_of_each_that_was_sent() -> None:
    headers = [(b"host", b"a"), (b"accept", b"*/*"), (b"host", b"b")]
    replace_hosts(headers, b"c")
    assert headers == [(b"host", b"c"), (b"accept", b"*/*"), (b"host", b"c")]
