"""What one attempt to deliver a callback does, over real sockets: what is sent, and where it never goes."""

import asyncio
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpcore2
import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError
from typing_extensions import override

from bench.local.programs import ROOT
from core.address import Resolver
from core.ids import new_id
from core.ledger.callback import Callback
from core.ledger.job import State
from tests.receiver import OTHER_SECRET, SECRET, receiving
from worker.webhooks.sender import WebhookResponse, WebhookSender
from worker.webhooks.worker import LONGEST_WAIT_S, wait_after

ENDED_MS = 1_767_225_600_250  # 2026-01-01T00:00:00.250Z


def deliver(
    url: str,
    *,
    private: bool = True,
    resolver: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 10,
    secrets: tuple[str, ...] = (SECRET,),
    callback: Callback | None = None,
) -> WebhookResponse:
    """Return what came of one attempt at this URL."""
    resolver = resolver or Resolver(private=private, threads=1)
    courier = WebhookSender(secrets, resolver, tls or httpcore2.default_ssl_context(), timeout_s)
    try:
        return asyncio.run(courier.deliver(callback or Callback(new_id(), url, State.SUCCEEDED, ENDED_MS, 1)))
    finally:
        resolver.close()


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """Run a server that does as it likes with the one caller that it has; give its URL."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            caller, _ = door.accept()
            with caller:
                caller.recv(65_536)
                answer(caller)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        thread.join()


def test_ids_and_states_are_told_and_nothing_else() -> None:
    with receiving() as receiver:
        callback = Callback(new_id(), f"{receiver.url}?token=t", State.FAILED, ENDED_MS, 3)
        assert deliver("", callback=callback).delivered
        [told] = receiver.told
        assert told.path == "/told?token=t"
        assert json.loads(told.body) == {
            "type": "job.failed",
            "timestamp": "2026-01-01T00:00:00.250Z",
            "data": {"id": callback.id, "state": "failed", "url": f"/v1/jobs/{callback.id}"},
        }
        assert set(told.headers) == {
            *("host", "user-agent", "content-type", "content-length"),
            *("webhook-id", "webhook-timestamp", "webhook-signature"),
        }
        assert told.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert told.headers["webhook-id"] == f"{callback.id}-failed"
        assert abs(datetime.now().timestamp() - int(told.headers["webhook-timestamp"])) < 60


def test_the_signature_holds_under_each_secret_and_no_other() -> None:
    with receiving() as receiver:
        deliver(receiver.url, secrets=(SECRET, OTHER_SECRET))
        deliver(receiver.url)
        both, one = receiver.told
        for secret in (SECRET, OTHER_SECRET):
            assert Webhook(secret).verify(both.body, both.headers)["type"] == "job.succeeded"
        Webhook(SECRET).verify(one.body, one.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(OTHER_SECRET).verify(one.body, one.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(one.body.replace(b"succeeded", b"failed"), one.headers)


def test_the_example_in_the_documents_reads_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    monkeypatch.setenv("SCORELINE_CALLBACK_SECRET", SECRET)
    receiver_code: dict[str, Any] = {}
    exec(example, receiver_code)  # noqa: S102 - our own words
    with receiving() as receiver:
        callback = Callback(new_id(), receiver.url, State.SUCCEEDED, ENDED_MS, 1)
        deliver("", callback=callback)
        deliver("", callback=callback, secrets=(OTHER_SECRET,))
        ours, forged = receiver.told
        assert receiver_code["ended_job"](ours.body, ours.headers) == callback.id
        with pytest.raises(WebhookVerificationError):
            receiver_code["ended_job"](forged.body, forged.headers)


@pytest.mark.parametrize(
    ("status", "delivered", "unwanted"),
    [(200, True, False), (204, True, False), (302, False, False), (410, False, True), (500, False, False)],
)
def test_only_a_2xx_is_a_delivery_and_no_redirect_is_followed(status: int, delivered: bool, unwanted: bool) -> None:
    with receiving() as receiver:
        receiver.statuses.append(status)
        answer = deliver(receiver.url)
        assert (answer.status, answer.delivered, answer.unwanted) == (status, delivered, unwanted)
        assert [told.path for told in receiver.told] == ["/told"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_host_that_is_not_public_by_now_is_not_even_connected_to(host: str) -> None:
    with receiving() as receiver:
        answer = deliver(f"http://{host}:{receiver.port}/told", private=False)
        assert (answer.status, receiver.told) == (0, [])
        assert "not public" in answer.fault


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert deliver(receiver.url).delivered
        assert proxy.told == []


def test_a_certificate_must_be_of_the_host_that_was_named() -> None:
    authority, trusting = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(trusting)
    right, wrong = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(right)
    authority.issue_cert("other.example").configure_cert(wrong)
    names: list[str | None] = []
    right.sni_callback = lambda _socket, name, _context: names.append(name)
    with receiving(right) as receiver:
        url = f"https://localhost:{receiver.port}/told"
        assert deliver(url, tls=trusting).delivered
        assert names == ["localhost"]
        assert deliver(url).fault == "ConnectError"  # whose authority nobody knows
        assert deliver(url.replace("localhost", "127.0.0.1"), tls=trusting).fault == "ConnectError"
    with receiving(wrong) as receiver:
        assert deliver(f"https://localhost:{receiver.port}/told", tls=trusting).fault == "ConnectError"
        assert receiver.told == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda caller: caller.sendall(b"no HTTP at all\r\n\r\n"),
        lambda caller: caller.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000),
        lambda _: None,
    ],
)
def test_whatever_a_receiver_does_is_but_a_failure(answer: Callable[[socket.socket], object]) -> None:
    def quietly(caller: socket.socket) -> None:
        try:
            answer(caller)
        except OSError:  # it has hung up on us
            return

    with answering(quietly) as url:
        answered = deliver(url)
    assert answered.status == 0
    assert answered.fault in ("RemoteProtocolError", "ReadError")  # as the last packets cross


def test_the_body_of_an_answer_is_not_waited_for() -> None:
    gone = threading.Event()

    def drip(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        caller.settimeout(10)
        while caller.recv(65_536):
            pass
        gone.set()

    with answering(drip) as url:
        assert deliver(url).delivered
    assert gone.is_set()


def test_a_receiver_that_drips_its_answer_is_given_up_in_time() -> None:
    def drip(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\n")
        try:
            for number in range(1_000):
                caller.sendall(f"X-{number}: x\r\n".encode())
                caller.settimeout(0.05)
                try:
                    if not caller.recv(1):
                        return
                except TimeoutError:
                    continue
        except OSError:
            return

    with answering(drip) as url:
        start_s = time.monotonic()
        assert deliver(url, timeout_s=0.5).fault == "TimeoutError"
        assert time.monotonic() - start_s < 5


def test_only_the_addresses_that_were_checked_are_connected_to_one_after_the_other() -> None:
    class Known(Resolver):
        @override
        async def find(self, host: str, owner: str = "") -> list[str]:
            return {"receiver.example": ["127.0.0.2", "127.0.0.1"]}[host]

    with receiving() as receiver:  # listens on 127.0.0.1 alone
        url = f"http://receiver.example:{receiver.port}/told"
        assert deliver(url, resolver=Known(private=False, threads=1)).delivered
        assert receiver.told[0].headers["host"] == f"receiver.example:{receiver.port}"


def test_a_host_that_nobody_knows_is_a_failure() -> None:
    assert "cannot be resolved" in deliver(f"http://{'x' * 64}.invalid/").fault  # no name server need be asked


@pytest.mark.parametrize(
    ("status", "asked", "least_s", "most_s"),
    [
        (503, "120", 120, 120),
        (429, "7", 7, 7),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
        (503, "-5", 0, 0),
        (503, "soon", 0, 0),
        (503, "Fri, 99 Foo 9999999 99:99:99 +999999999", 0, 0),
        (500, "120", 0, 0),
        (204, "120", 0, 0),
    ],
)
def test_a_receiver_may_ask_to_be_spared_for_a_while(status: int, asked: str, least_s: float, most_s: float) -> None:
    with receiving() as receiver:
        receiver.statuses.append(status)
        receiver.headers["Retry-After"] = asked
        assert least_s <= deliver(receiver.url).retry_after_s <= most_s


def test_a_receiver_may_name_the_time_until_which_it_asks_to_be_spared() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    test_a_receiver_may_ask_to_be_spared_for_a_while(503, until, 3_000, 3_600)


def test_a_receiver_is_told_no_sooner_than_it_asks_and_within_a_day() -> None:
    waits = [(wait_after(1, 5, asked), wait_after(9, 5, asked)) for asked in (0, 60, 1e9, float("inf"))]
    assert 4 <= waits[0][0] <= 6
    assert [early for early, _ in waits[1:]] == [60, LONGEST_WAIT_S, LONGEST_WAIT_S]
    assert all(late >= 0.8 * LONGEST_WAIT_S for _, late in waits)
