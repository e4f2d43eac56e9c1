"""The trace context: the request, and its trace, that work belongs to (W3C Trace Context, level 2)."""

import re

LONGEST = 512  # for future versions; ours has 55 characters
FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
KNOWN_FLAGS = 0b11  # sampled, and random trace id; the others must be forwarded as zero (section 3.2.2.5.3)
SAMPLED = 0b01


def read_traceparent(text: str) -> str | None:
    """Return the value of a `traceparent` header in the form that is forwarded, or None if it must be ignored.

    A later version is read as far as version 00 goes, and forwarded as version 00 (section 4.3).
    """
    found = FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace.strip("0") or not parent.strip("0"):
        return None
    return f"00-{trace}-{parent}-{int(flags, 16) & KNOWN_FLAGS:02x}"


def trace_id_of(traceparent: str) -> str:
    """Return the id of the trace that a `traceparent` in our form names."""
    return traceparent[3:35]


def is_sampled(traceparent: str) -> bool:
    """Whether the caller that sent a `traceparent` in our form may have recorded its spans."""
    return bool(int(traceparent[-2:], 16) & SAMPLED)
