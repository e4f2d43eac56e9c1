"""Which name was meant, where one was sent that is not known; what was sent itself is never repeated."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST = 64  # characters; no name that is known has as many
LEAST_FOR_A_SLIP = 3  # letters; of shorter names any other is one letter away
TOLD_AT_MOST = 8


def find_nearest(sent: str, known: Iterable[str]) -> str | None:
    """Return the one known name that was certainly meant, or None: but for a single slip, all letters are the same.

    Case, blanks and marks between letters do not count. A slip is a letter too many, too few, wrong, or in its
    neighbour's place.
    """
    if len(sent) > LONGEST:
        return None
    letters = fold(sent)
    near = [name for name in known if fold_known(name) == letters] or [
        name for name in known if len(letters) >= LEAST_FOR_A_SLIP and is_slip(letters, fold_known(name))
    ]
    return near[0] if letters and len(near) == 1 else None


def fold(name: str) -> str:
    """Return the letters and digits of a name, without their case."""
    return "".join(filter(str.isalnum, name.casefold()))


fold_known = lru_cache(maxsize=256)(fold)  # more than there are; what was sent is not kept


def is_slip(one: str, other: str) -> bool:
    """Whether one slip makes one text of the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), None)
    if same is None:
        return True
    one, other = one[same:], other[same:]
    return one[1:] in (other, other[1:]) or one == other[1:] or (one[1::-1], one[2:]) == (other[:2], other[2:])


def hint(sent: str, known: Iterable[str]) -> str:
    """Return what to add to a message of a name that is not known: the one that was meant, if that is certain."""
    meant = find_nearest(sent, known)
    return f"; {meant} may be meant" if meant else ""


def list_places(places: Sequence[int]) -> str:
    """Return places in words, such as `3, 5 and 9`; of many, the first."""
    told = [str(place) for place in places[:TOLD_AT_MOST]]
    if len(places) > TOLD_AT_MOST:
        told.append(f"{len(places) - TOLD_AT_MOST} more")
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)
