"""The producer's command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from producer.scenarios import SCENARIOS

EPILOG = """scenarios, each of which spoils one field:
  older           everyone is 15 years older
  missing-sensor  ca and thal are null for 40 % of the patients
  kpa             trestbps is in kPa: refused, with a word on the unit
  oldpeak-mv      oldpeak is in mV: a tenth, which no check can see
  cp-reversed     the codes of cp are in the opposite order
  stuck-sensor    thalach is always 150

examples:
  python -m producer                     a patient every few seconds, until Ctrl-C
  python -m producer --rate 50 --burst 8 fifty a second, and 400 now and then
  python -m producer --rate 20 --scenario stuck-sensor --from 500
                                         a monitor that breaks with the 500th patient
  python -m producer --rate 20 --malformed 0.02 --duplicates 0.05
                                         clients with faults, on a network with faults
  python -m producer --count 10 --seed 7 the same ten patients every time
  python -m producer demo                one patient, 303 as one job, a file; and what came of them
  python -m producer file --rows 1000000 > patients.csv
                                         a CSV to upload; file --help tells more
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m producer",
        description="Sends simulated patients to a running Scoreline, drawn to be like 303 real ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", choices=["demo", "file"], help="do the main job once; or write a CSV")
    parser.add_argument("--url", type=http_url, help="where the service is (default: as the SCORELINE_API_* settings)")
    add_pace(parser)
    add_mishaps(parser)
    parser.add_argument("--count", type=natural, help="stop after so many patients (default: at Ctrl-C)")
    parser.add_argument("--seed", type=int, help="send the same patients, pauses and mishaps every time")
    parser.add_argument("--rows", type=natural, default=200_000, help="rows of the demo's file (default: 200000)")
    options = parser.parse_args(arguments)
    if options.burst > 1 and not options.rate:
        parser.error("--burst multiplies --rate: give both")
    if options.since > 1 and not options.scenario:
        parser.error("--from says when a --scenario begins: give both")
    return options


def add_pace(parser: argparse.ArgumentParser) -> None:
    """Add the options for how fast patients come."""
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--pause",
        type=seconds,
        nargs=2,
        default=(0, 5),
        metavar=("LOW", "HIGH"),
        help="seconds between two patients, drawn evenly from this range (default: 0 5)",
    )
    pace.add_argument("--rate", type=positive, help="instead, patients a second, who come at random (Poisson)")
    parser.add_argument(
        "--burst", type=factor, default=1, help="times --rate, for some 5 s about once a minute (default: 1, no bursts)"
    )


def add_mishaps(parser: argparse.ArgumentParser) -> None:
    """Add the options for what goes wrong."""
    parser.add_argument(
        "--scenario", choices=SCENARIOS, metavar="NAME", help="what goes wrong with the patients, as below"
    )
    parser.add_argument(
        "--from",
        dest="since",
        type=natural,
        default=1,
        metavar="N",
        help="the patient with whom it begins (default: 1)",
    )
    parser.add_argument(
        "--malformed", type=share, default=0, metavar="SHARE", help="share of bodies to break, 0 to 1 (default: 0)"
    )
    parser.add_argument(
        "--duplicates",
        type=share,
        default=0,
        metavar="SHARE",
        help="share of patients to send twice with one Idempotency-Key, 0 to 1 (default: 0)",
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="add to this CSV each job's id and what the angiogram shows, 0 or 1"
    )
    parser.add_argument(
        "--label-after",
        type=seconds,
        default=60,
        metavar="S",
        help="mean seconds from a risk to its angiogram (default: 60)",
    )


def http_url(text: str) -> str:
    """Return the URL if it is one. Raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(text)
    return text


def seconds(text: str) -> float:
    """Return a number of seconds, 0 or more. Raises ValueError."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def positive(text: str) -> float:
    """Return a number above 0. Raises ValueError."""
    if value := seconds(text):
        return value
    raise ValueError(text)


def factor(text: str) -> float:
    """Return a number that is 1 or more. Raises ValueError."""
    if (value := seconds(text)) >= 1:
        return value
    raise ValueError(text)


def share(text: str) -> float:
    """Return a number from 0 to 1. Raises ValueError."""
    if (value := seconds(text)) <= 1:
        return value
    raise ValueError(text)


def natural(text: str) -> int:
    """Return a whole number above 0. Raises ValueError."""
    if (value := int(text)) > 0:
        return value
    raise ValueError(text)
