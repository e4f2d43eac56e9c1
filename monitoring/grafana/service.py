"""What those who call the service see of it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import units

from monitoring.grafana.board import begin_board, choose
from monitoring.grafana.panel import RED, YELLOW, Asked, buckets, lines, or_none, quantiles, share

ASKED_BY_PEOPLE = 'route!~"/health/.*"'  # and not by what watches over the service
SHOWN = f'{ASKED_BY_PEOPLE}, route=~"$route"'

RISKS = Asked(
    "Predicted risk",
    "How were the predicted risks spread in the time shown? Each bar is a tenth of the range, by its upper bound; its "
    "height is the share of all patients.",
    units.PercentUnit,
    [(0.5, YELLOW)],
    "Yellow from a half: of the patients that the model was trained on no tenth holds more than a quarter; where one "
    "holds half of all, too many are told the same, as with input that is stuck.",
)
RATE = Asked(
    "Requests",
    "How much is asked, and of which route? Scrapes and health checks are left out.",
    units.RequestsPerSecond,
    [(5_000, YELLOW)],
    "Yellow from 5,000 a second: more than two cores were seen to take before everyone only waits longer; "
    "bench/RESULTS.md has what was measured.",
)
REFUSED = Asked(
    "Refused requests (4xx)",
    "Which share of requests was refused, and why? 422 is a patient out of bounds, 404 or 410 a job that is not kept, "
    "429 backpressure.",
    units.PercentUnit,
    [(0.05, YELLOW), (0.5, RED)],
    "Yellow from a twentieth: single callers err now and then, but not so often. Red from a half: more likely a client "
    "was released that does not fit, or the queue is full.",
)
FAILED = Asked(
    "Failed requests (5xx)",
    "Which share of requests failed through no fault of the caller? 503 says that Redis or the store is away.",
    units.PercentUnit,
    [(0.001, YELLOW), (0.01, RED)],
    "Yellow from one in 1,000: in good health there are none, nor in a rolling deploy. Red from one in 100: callers "
    "notice, although nothing that was accepted is lost.",
)
LATENCY = Asked(
    "Seconds until the answer",
    "How long do callers wait for an answer to begin? Those who ask to wait for the result, with `Prefer: wait`, are "
    "among them.",
    units.Seconds,
    [(0.1, YELLOW), (1, RED)],
    "Yellow from 0.1 s: longer than a few clients at once wait on a machine that has time to spare; hundreds at once "
    "wait longer (bench/RESULTS.md has what was measured). Red from 1 s: a person who waits takes notice.",
)


def make_service() -> Dashboard:
    """Return the dashboard."""
    risk = "sum by (le) (increase(scoreline_predicted_risk_bucket[$__range]))"
    patients = "sum(increase(scoreline_predicted_risk_count[$__range]))"
    routes = choose("route", f"scoreline_http_requests_total{{{ASKED_BY_PEOPLE}}}", "Routes whose requests are shown.")
    refused = share(or_none(f"sum by (status) ({rate('4..')})"), f"sum({rate()})")
    failed = share(or_none(f"sum({rate('5..')})"), f"sum({rate()})")
    return (
        begin_board("Service", "Is the service well, as its callers see it?")
        .with_variable(routes)
        .with_panel(buckets(RISKS, share(risk, patients)))
        .with_panel(lines(RATE, {"{{route}}": f"sum by (route) ({rate()})"}))
        .with_panel(lines(LATENCY, quantiles(f"scoreline_http_request_duration_seconds_bucket{{{SHOWN}}}")))
        .with_panel(lines(REFUSED, {"{{status}}": refused}))
        .with_panel(lines(FAILED, {"5xx": failed}))
    )


def rate(status: str = "...") -> str:
    """Return the query of the requests a second whose status matches."""
    return f'rate(scoreline_http_requests_total{{{SHOWN}, status=~"{status}"}}[$__rate_interval])'
