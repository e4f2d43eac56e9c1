"""Suggests a known name for a misspelt one; never repeats the text that was sent."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST = 64  # characters; every known name is shorter
LEAST_FOR_A_SLIP = 3  # letters; shorter names differ from any other by one letter
LISTED_AT_MOST = 8


def find_nearest(sent: str, known: Iterable[str]) -> str | None:
    """Return the one known name that equals the sent one, or differs by a single slip; None if there is none, or two.

    Case, blanks and punctuation do not count. A slip is a letter too many, too few, wrong, or swapped with its
    neighbour.
    """
    if len(sent) > LONGEST:
        return None
    letters = fold(sent)
    near = [name for name in known if fold_known(name) == letters] or [
        name for name in known if len(letters) >= LEAST_FOR_A_SLIP and is_slip(letters, fold_known(name))
    ]
    return near[0] if letters and len(near) == 1 else None


def fold(name: str) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, name.casefold()))


fold_known = lru_cache(maxsize=256)(fold)  # more than there are; sent names are not cached


def is_slip(one: str, other: str) -> bool:
    """Whether the two texts differ by at most one slip."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), None)
    if same is None:
        return True
    one, other = one[same:], other[same:]
    return one[1:] in (other, other[1:]) or one == other[1:] or (one[1::-1], one[2:]) == (other[:2], other[2:])


def hint(sent: str, known: Iterable[str]) -> str:
    """Return the suggestion to append to the error message of an unknown name; empty if there is none."""
    meant = find_nearest(sent, known)
    return f"; {meant} may be meant" if meant else ""


def list_places(places: Sequence[int]) -> str:
    """Return positions in words, such as `3, 5 and 9`; of many, the first `LISTED_AT_MOST` and how many more."""
    named = [str(place) for place in places[:LISTED_AT_MOST]]
    if len(places) > LISTED_AT_MOST:
        named.append(f"{len(places) - LISTED_AT_MOST} more")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
