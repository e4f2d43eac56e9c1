"""Which URLs may be called back, which addresses are public, and which secrets sign."""

import pytest

from core.address import is_public
from core.errors import OperatorError, RefusedCallback
from core.ledger.callback import host_of, parse_url
from core.settings import Settings
from tests.receiver import OTHER_SECRET, SECRET


@pytest.mark.parametrize(
    ("given", "parsed", "host"),
    [
        ("https://receiver.example", "https://receiver.example/", "receiver.example"),
        ("http://Receiver.Example:8080/a?b=c d", "http://receiver.example:8080/a?b=c%20d", "receiver.example"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("http://2130706433/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://0x7f.1/", "http://127.0.0.1/", "127.0.0.1"),
        ("http://receiver.example\\@127.0.0.1/", "http://receiver.example/@127.0.0.1/", "receiver.example"),
        ("https://[2001:DB8::1]:8080/", "https://[2001:db8::1]:8080/", "2001:db8::1"),
    ],
)
def test_a_url_is_read_in_one_way_by_all(given: str, parsed: str, host: str) -> None:
    assert (parse_url(given), host_of(parsed)) == (parsed, host)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "receiver.example",
        "/told",
        "//receiver.example/",
        "file:///etc/passwd",
        "ftp://receiver.example/",
        "http://",
        "http://user@receiver.example/",
        "https://user:word@receiver.example/",
        "https://:word@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example/#",
        "http://receiver.example:99999/",
        "http://a b/",
        "https://receiver.example/" + "x" * 2_000,
        "https://receiver.example/" + "ü" * 1_000,
        "https://receiver.example/" + "\t" * 2_000 + "told",
    ],
)
def test_what_is_no_url_to_call_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(RefusedCallback) as caught:
        parse_url(given)
    assert "receiver" not in str(caught.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",  # noqa: S104 - nothing listens there
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_of_this_machine_or_network_or_of_a_group_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("given", [SECRET, SECRET.rstrip("="), f"{SECRET} {OTHER_SECRET}"])
def test_a_secret_is_written_as_standard_webhooks_says(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORELINE_CALLBACK_SECRET", given)
    settings = Settings.read()
    assert settings.callback_secret is not None
    assert settings.callback_secret.get_secret_value() == given
    assert "whsec" not in repr(settings) + str(settings.model_dump())


@pytest.mark.parametrize(
    "given",
    [SECRET.removeprefix("whsec_"), "whsec_", "whsec_c2hvcnQ=", "whsec_?", f"{SECRET} rest", "whsec_" + "A" * 88],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORELINE_CALLBACK_SECRET", given)
    with pytest.raises(OperatorError, match="SCORELINE_CALLBACK_SECRET: each secret must be") as caught:
        Settings.read()
    secret = given.removeprefix("whsec_")
    assert not secret or secret not in str(caught.value)
