"""Watches a page: what it asks for, and what it complains of."""

from playwright.sync_api import ConsoleMessage, Page, Request, Response


class Watch:
    """What a page has asked for, and what it complained of, since it was made.

    `expected` are beginnings of complaints that are none: a browser's own word for an answer of 422, say.
    """

    def __init__(self, page: Page, url: str) -> None:
        self._url = url
        self.expected: tuple[str, ...] = ()
        self.strangers: list[str] = []
        self.complaints: list[str] = []
        self.answers: list[Response] = []
        page.on("request", self._ask)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._note)

    def expect(self, *complaints: str) -> None:
        """Take no offence at complaints that begin so."""
        self.expected += complaints

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((f"{self._url}/", "data:")):
            self.strangers.append(request.url)

    def _note(self, response: Response) -> None:
        self.answers.append(response)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected or "\0"):
            self.complaints.append(message.text)
