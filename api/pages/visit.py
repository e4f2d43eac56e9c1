"""The visit: who asks for a page, and what serves them. The one place where pages learn who it is."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from api.caller import caller_of
from api.files import Files
from api.gateway import Gateway
from api.pages.site import Site
from contract.errors import ForeignForm
from contract.key import Caller
from contract.ledger.histograms import Histograms

OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site: a page of ours, or what the visitor typed


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, and who sent it."""

    request: Request
    by: Caller
    gateway: Gateway
    files: Files | None
    histograms: Histograms | None
    site: Site

    @property
    def scripted(self) -> bool:
        """Whether htmx asks, and takes what it needs out of the page."""
        return "hx-request" in self.request.headers

    @property
    def origin(self) -> str:
        """Where the visitor reaches the gateway: scheme, host and port."""
        return f"{self.request.url.scheme}://{self.request.url.netloc}"

    def page(self, template: str, status: int = 200, **told: Any) -> Response:
        """Return the answer that is a page; the template is also told the path."""
        return self.site.page(template, status, path=self.request.url.path, **told)

    def send_to(self, path: str) -> Response:
        """Return the answer that has the browser go to another page, with or without htmx."""
        if self.scripted:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


async def visit_of(request: Request) -> Visit:
    """Return the visit that a request is. Raises ForeignForm for a form that a page of another site sent.

    A browser sends what it knows of a visitor with such a form, too, and says where it comes from.
    """
    from_site = request.headers.get("sec-fetch-site", "none")
    if request.method == "POST" and from_site not in OWN_SITES:
        raise ForeignForm
    state = request.app.state
    files, histograms = getattr(state, "files", None), getattr(state, "histograms", None)
    return Visit(request, caller_of(request), state.gateway, files, histograms, state.site)


Come = Annotated[Visit, Depends(visit_of)]
"""A page's parameter that is given the visit."""
