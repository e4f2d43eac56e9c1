"""What workers tell of patients and models, in a real Valkey: by hour, by version, for a week, and never in the way."""

import logging
from datetime import UTC, datetime

import numpy as np
import pytest
from redis import Redis

from bench.local.conditions import wait_until
from bench.local.programs import ROOT, free_port
from core.connect import open_redis
from core.errors import NoModel, NoReference, UnknownModel
from core.ledger.redis.constants import HISTOGRAM_TTL_S, HOUR_S, HOURS_KEPT
from core.ledger.redis.histograms import EVERYONE, REFUSED_TTL_S, Histograms
from core.ledger.redis.keys import CARD, HISTOGRAMS, OWNED_HISTOGRAMS, REFUSED
from core.schema.reference import Refusal, bin_name
from core.settings import Settings
from models.binning import Binning
from models.bundle import read_card
from models.card import Card
from models.features import to_matrix
from monitoring.drift import watch_drift
from monitoring.vital import VitalThreads
from tests.ledgers import Clock
from tests.patients import ROW
from worker.interactive.drift import ROWS_AT_ONCE, DriftAccumulator

CHAMPION = read_card(ROOT / "models" / "champion")
ONE = to_matrix([ROW])


@pytest.fixture
def histograms(redis: Redis, clock: Clock) -> Histograms:
    """The histograms of this session's Valkey, which is empty."""
    return Histograms(redis, clock)


def named(version: str) -> Card:
    """Return the released card under another version."""
    return CHAMPION.model_copy(update={"version": version})


def test_the_hours_that_are_asked_for_are_added_up_and_no_others(histograms: Histograms, clock: Clock) -> None:
    clock.ms -= clock.ms % (1000 * HOUR_S)  # a whole hour
    for count in (1, 10, 100):
        histograms.add("1.0.0", {EVERYONE: {"age=29 to 42": count, "sex=male": 1}})
        clock.move(HOUR_S)
    clock.move(-1)
    assert histograms.read("1.0.0", 1).bins == {"age=29 to 42": 100, "sex=male": 1}
    assert histograms.read("1.0.0", 2).bins == {"age=29 to 42": 110, "sex=male": 2}
    found = histograms.read("1.0.0", HOURS_KEPT)
    assert found.bins == {"age=29 to 42": 111, "sex=male": 3}
    assert (found.until - found.since).total_seconds() == HOURS_KEPT * HOUR_S - 1
    clock.move(1)
    assert histograms.read("1.0.0", 1).bins == {}


def test_versions_are_counted_apart(histograms: Histograms) -> None:
    histograms.add("1.0.0", {EVERYONE: {"sex=male": 3}})
    histograms.add("2.0.0", {EVERYONE: {"sex=male": 4}})
    assert [histograms.read(version, 24).bins for version in ("1.0.0", "2.0.0", "3.0.0")] == [
        {"sex=male": 3},
        {"sex=male": 4},
        {},
    ]


def test_an_hour_is_kept_for_a_week_and_a_card_as_long_as_its_hours(histograms: Histograms, redis: Redis) -> None:
    histograms.publish("1.0.0", "{}")
    histograms.add("1.0.0", {EVERYONE: {"sex=male": 1}})
    [hour] = redis.keys(HISTOGRAMS + "*")
    assert HISTOGRAM_TTL_S - 5 < redis.ttl(hour) <= HISTOGRAM_TTL_S
    assert redis.ttl(CARD + "1.0.0") > redis.ttl(hour) > HOURS_KEPT * HOUR_S


def test_who_asks_before_a_worker_has_come_is_told_so(histograms: Histograms) -> None:
    with pytest.raises(NoModel, match="whether one runs"):
        watch_drift(histograms)
    with pytest.raises(UnknownModel):
        watch_drift(histograms, version="9.9.9")


def test_a_model_of_an_older_bundle_is_served_and_counts_no_one(redis: Redis) -> None:
    histograms = Histograms(redis)
    tally = DriftAccumulator(histograms, VitalThreads())
    tally.serve(CHAMPION.model_copy(update={"reference": None}))
    tally.note([ONE], np.array([0.5]), [(EVERYONE, 1)])
    tally.send_counts()
    assert histograms.served() == CHAMPION.version
    assert redis.keys(HISTOGRAMS + "*") == []
    with pytest.raises(NoReference, match="make train"):
        watch_drift(histograms)


def test_a_tally_counts_ours_alone_and_each_model_by_itself(redis: Redis) -> None:
    histograms = Histograms(redis)
    tally = DriftAccumulator(histograms, VitalThreads())
    tally.serve(named("1.0.0"))
    tally.note([ONE, ONE], np.array([0.05, 0.5]), [(None, 1), (EVERYONE, 1)])
    tally.note([np.tile(ONE, (ROWS_AT_ONCE, 1))], np.full(ROWS_AT_ONCE, 0.5), [(EVERYONE, ROWS_AT_ONCE)])
    tally.note([ONE], np.array([0.95]), [(EVERYONE, 1)])
    tally.serve(named("2.0.0"))
    tally.note([ONE], np.array([0.95]), [(EVERYONE, 1)])
    tally.send_counts()
    first, second = (histograms.read(version, 1).bins for version in ("1.0.0", "2.0.0"))
    assert first["age=29 to 42"] == ROWS_AT_ONCE + 2
    assert (first["risk=0.5 to 0.6"], first["risk=above 0.9"]) == (ROWS_AT_ONCE + 1, 1)
    assert second == dict.fromkeys(second, 1)
    assert histograms.served() == "2.0.0"
    assert watch_drift(histograms, version="1.0.0").patients == ROWS_AT_ONCE + 2
    assert watch_drift(histograms).patients == 1


def test_each_owner_is_counted_by_itself_and_with_everyone(redis: Redis) -> None:
    histograms = Histograms(redis)
    tally = DriftAccumulator(histograms, VitalThreads())
    tally.serve(CHAMPION)
    tally.note([ONE, ONE, np.tile(ONE, (3, 1))], np.full(5, 0.5), [("aa", 1), ("bb", 1), (None, 1), ("aa", 2)])
    tally.note([ONE], np.array([0.5]), [(EVERYONE, 1)])
    tally.note([ONE], np.array([0.5]), [("aa", 1)])
    tally.send_counts()
    counted = {owner: watch_drift(histograms, owner=owner).patients for owner in ("aa", "bb", "cc", EVERYONE)}
    assert counted == {"aa": 4, "bb": 1, "cc": 0, EVERYONE: 6}


def test_an_owners_hour_takes_as_much_of_redis_as_is_stated(redis: Redis) -> None:
    histograms, reference = Histograms(redis), CHAMPION.reference
    assert reference
    names = [bin_name(feature, label) for feature, bins in reference.features.items() for label in bins.labels]
    one = Binning(reference).count(ONE, np.array([0.5]))
    histograms.add(CHAMPION.version, {"0123abcd": one, "4567cdef": dict.fromkeys(names, 1_000_000)})
    keys = (redis.keys(f"{OWNED_HISTOGRAMS}{owner}*")[0] for owner in ("0123abcd", "4567cdef"))
    few, many = (redis.memory_usage(key) or 0 for key in keys)
    assert 0 < few <= 400
    assert many <= 2_000


def test_what_cannot_be_counted_costs_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    away = Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    tally = DriftAccumulator(Histograms(open_redis(away, retries=0)), VitalThreads())
    tally.serve(CHAMPION)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            tally.note([ONE], np.array([0.5]), [(EVERYONE, 1)])
            tally.send_counts()
        tally.note([ONE], np.array([0.5, 0.7]), [(EVERYONE, 1), ("aa", 2)])
        tally.send_counts()
    lines = [record.getMessage() for record in caplog.records if record.name == "worker.interactive.drift"]
    assert [line for line in lines if "ConnectionError" in line] == lines[:1]
    assert lines[1:] == ["some patients are not counted for drift: IndexError"]


def test_a_refusal_is_told_until_it_is_taken_back_or_nobody_says_so_any_more(redis: Redis) -> None:
    histograms = Histograms(redis)
    assert histograms.refused() is None
    refusal = Refusal(version="2.0.0", reason="It is no model.", at=datetime(2026, 1, 1, tzinfo=UTC))
    tally = DriftAccumulator(histograms, VitalThreads())
    tally.serve(CHAMPION, refusal)
    wait_until(lambda: histograms.refused(), within_s=10, what="the refusal")
    assert Refusal.model_validate_json(histograms.refused() or b"") == refusal
    assert 0 < redis.ttl(REFUSED) <= REFUSED_TTL_S
    tally.serve(CHAMPION)
    wait_until(lambda: histograms.refused() is None, within_s=10, what="it to be taken back")
