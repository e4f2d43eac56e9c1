"""What is a `traceparent`, and what is none: the cases of the recommendation's own test suite among them."""

import pytest

from core.trace import is_sampled, read_traceparent, trace_id_of

TRACE, PARENT = "12345678901234567890123456789012", "1234567890123456"
GOOD = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    ("text", "sent_on"),
    [
        (GOOD, GOOD),
        (f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
        (f"00-{TRACE}-{PARENT}-03", f"00-{TRACE}-{PARENT}-03"),
        (f"00-{TRACE}-{PARENT}-ff", f"00-{TRACE}-{PARENT}-03"),
        (f"cc-{TRACE}-{PARENT}-01", GOOD),
        (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", GOOD),
    ],
)
def test_a_traceparent_is_sent_on_in_our_form(text: str, sent_on: str) -> None:
    assert read_traceparent(text) == sent_on


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD.upper().replace("1", "A"),
        f"{GOOD}-what-the-future-will-be-like",
        f"{GOOD}-",
        f"{GOOD}\n",
        f" {GOOD}",
        f"ff-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.what-the-future-will-be-like",
        f"0-{TRACE}-{PARENT}-01",
        f".0-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}1-{PARENT}-01",
        f"00-.{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT[1:]}-01",
        f"00-{TRACE}-{PARENT}.-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}-.0",
        f"00-{TRACE}-{PARENT}",
        f"cc-{TRACE}-{PARENT}-01-{'x' * 500}",
    ],
)
def test_whatever_else_is_ignored(text: str) -> None:
    assert read_traceparent(text) is None


def test_a_traceparent_names_its_trace_and_whether_it_is_sampled() -> None:
    assert (trace_id_of(GOOD), is_sampled(GOOD)) == (TRACE, True)
    assert not is_sampled(f"00-{TRACE}-{PARENT}-02")
