"""The names of Redis's keys: no two things share one."""

from collections import Counter

from core.ledger.redis import keys
from core.ledger.redis.keys import Keys


def test_no_two_things_share_a_key() -> None:
    ledgers = [value for value in vars(keys).values() if isinstance(value, Keys)]
    names = [value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)]
    names += [value for ledger in ledgers for name, value in vars(ledger).items() if value and name != "queue"]
    assert len(ledgers) == 3
    assert [name for name, count in Counter(names).items() if count > 1] == []
