"""How a ledger says it stands, over both ledgers."""

from core.ids import ms_of_id, probe_job_id
from core.ledger.job import State
from core.ledger.protocol import Ledger, NewJob
from core.transport.message import Message
from tests.ledgers import Clock, run, score, submit
from tests.patients import ROW, new_job


def test_an_empty_ledger_stands_at_nothing(ledger: Ledger) -> None:
    survey = ledger.read_stats()
    assert (survey.backlog_records, survey.dead_letters, survey.messages, survey.consumed) == (0, 0, 0, False)
    assert survey.open_jobs == {State.QUEUED: 0, State.RUNNING: 0}
    assert survey.oldest_s == {State.QUEUED: 0, State.RUNNING: 0}


def test_open_jobs_are_counted_and_the_oldest_told_its_age(ledger: Ledger, clock: Clock) -> None:
    first, second = new_job(patients=3), new_job()
    submit(ledger, first, second, NewJob(probe_job_id(), [ROW]))
    clock.ms = ms_of_id(first.id) + 90_000
    survey = ledger.read_stats()
    assert survey.backlog_records == 5
    assert survey.open_jobs == {State.QUEUED: 2, State.RUNNING: 0}
    assert survey.oldest_s == {State.QUEUED: 90, State.RUNNING: 0}

    claimed = ledger.claim(Message(clock.ms, []), jobs=1)
    clock.move(1)
    survey = ledger.read_stats()
    assert survey.open_jobs == {State.QUEUED: 1, State.RUNNING: 1}
    assert survey.oldest_s[State.RUNNING] == 91

    ledger.finish(score(claimed))
    survey = ledger.read_stats()
    assert (survey.backlog_records, survey.consumed) == (2, True)
    assert survey.open_jobs == {State.QUEUED: 1, State.RUNNING: 0}


def test_an_id_of_a_gateway_whose_clock_is_ahead_is_no_age_below_zero(ledger: Ledger, clock: Clock) -> None:
    job = new_job()
    message = submit(ledger, job)
    clock.ms = ms_of_id(job.id) - 60_000
    assert ledger.read_stats().oldest_s[State.QUEUED] == 0
    assert run(ledger, message) == 1
