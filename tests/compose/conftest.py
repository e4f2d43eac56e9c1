"""One stack for all tests, from its images on; it goes whatever happens, on Ctrl-C and SIGTERM too."""

import signal
from collections.abc import Iterator

import pytest

from tests.compose.stack import Stack, say


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in containers, all of which are healthy."""
    stack = Stack(tmp_path_factory.mktemp("compose"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say("building the images")
        stack.build()
        say("starting the containers, three workers and two bulk workers among them")
        stack.up()
        say(f"all healthy at {stack.url}")
        yield stack
    finally:
        say("taking everything down")
        stack.down()
        say("down")
