"""Formats numbers, sizes and times for people; the filters of the templates."""

from datetime import UTC, datetime

from core.schema.score import Score

SPACE = "\N{NO-BREAK SPACE}"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def percent(share: float) -> str:
    """Return a share of one as a percentage with one decimal."""
    return f"{100 * share:.1f}{SPACE}%"


def signed(number: float) -> str:
    """Return a number with its sign and two decimals; one that rounds to 0 has no sign."""
    text = f"{number:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def count(number: float) -> str:
    """Return a whole number in groups of three digits."""
    return f"{number:,.0f}"


def size(bytes: float) -> str:
    """Return a size in bytes, kB, MB or GB (powers of 1,000)."""
    if bytes < 1_000:
        return f"{bytes:.0f}{SPACE}bytes"
    for unit in ("kB", "MB"):
        bytes /= 1_000
        if bytes < 1_000:
            return f"{bytes:.1f}{SPACE}{unit}"
    return f"{bytes / 1_000:.1f}{SPACE}GB"


def duration(seconds: float) -> str:
    """Return a duration in the largest unit of which it has at least two."""
    for unit, length_s in (("days", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f}{SPACE}{unit}"
    return f"{seconds:.0f}{SPACE}s" if seconds >= 1 else f"under 1{SPACE}s"


def time(at: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def left(at: datetime) -> str:
    """Return the time left until then."""
    return duration(max(0, (at - datetime.now(UTC)).total_seconds()))


def conformal(score: Score) -> str:
    """Return the meaning of a score's conformal set as a sentence."""
    if len(score.conformal) > 1:
        return "The model cannot tell: neither disease nor its absence can be ruled out."
    if not score.conformal:
        return "The patient is unlike those of either kind that the model knows: do not rely on this risk."
    (only,) = score.conformal
    return "Disease is ruled out." if only == "no disease" else "The absence of disease is ruled out."


FILTERS = {word.__name__: word for word in (percent, signed, count, size, duration, time, left, conformal)}
"""The filters that templates can use."""
