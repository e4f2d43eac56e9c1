"""The answer about a job is the same, byte for byte, as the dump of the model that the document describes."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from core.ids import new_id
from core.ledger.answer import READY_SCORES, Answer, cut_rows, render_scores
from core.ledger.job import Job, State
from core.ledger.redis.keys import JOBS
from core.ledger.redis.view import read_message
from core.schema.patient import COLUMNS
from core.schema.score import SETS, ScoreRow, scores_from_rows

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('[]",\\{}'), max_size=12)
EXPLANATIONS = st.tuples(NUMBERS, st.lists(NUMBERS, min_size=len(COLUMNS), max_size=len(COLUMNS)), NUMBERS)
ROWS: st.SearchStrategy[ScoreRow] = st.one_of(
    st.tuples(NUMBERS, st.integers(0, 1)),
    st.tuples(NUMBERS, st.integers(0, 1), st.integers(0, len(SETS) - 1)),
    st.tuples(NUMBERS, st.integers(0, 1), st.integers(0, len(SETS) - 1), st.lists(TEXTS, max_size=3)),
    st.tuples(NUMBERS, st.integers(0, 1), st.integers(0, len(SETS) - 1), st.lists(TEXTS, max_size=3), EXPLANATIONS),
)
ID = UUID("01890000-0000-7000-8000-000000000001")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
FORMS = st.sampled_from([1, 2, READY_SCORES, READY_SCORES + 1, 3 * READY_SCORES])


def job_of(patients: int, at: datetime) -> Job:
    """Return a job that has succeeded, without its scores."""
    times = {"accepted_at": at, "started_at": at, "finished_at": at}
    return Job(id=ID, state=State.SUCCEEDED, patients=patients, **times)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=8), FORMS, TEXTS, TIMES)
def test_an_answer_is_the_models_own_dump_whole_and_in_pieces(
    some: list[ScoreRow], count: int, version: str, at: datetime
) -> None:
    rows = to_json((some * count)[:count])
    job = job_of(count, at)
    dumped = job.model_copy(update={"scores": scores_from_rows(from_json(rows), version)}).model_dump_json().encode()
    assert Answer(job, render_scores(from_json(rows), version), version).to_json() == dumped
    pieces = list(Answer(job, None, version, len(rows)).pieces(rows))
    assert b"".join(pieces) == dumped
    assert len(pieces) == -(-count // READY_SCORES) + 1


def test_an_answer_without_scores_is_the_models_own_dump() -> None:
    queued = job_of(1, datetime(2026, 1, 1, tzinfo=UTC)).model_copy(update={"state": State.QUEUED})
    assert Answer(queued).to_json() == queued.model_dump_json().encode()


def test_a_ready_made_answer_is_read_back_with_all_its_scores() -> None:
    answer = Answer(job_of(2, datetime(2026, 1, 1, tzinfo=UTC)), render_scores([(0.25, 0, 1), (0.75, 1, 2)], "1.0.0"))
    assert answer.to_job().scores == scores_from_rows([(0.25, 0, 1), (0.75, 1, 2)], "1.0.0")


@pytest.mark.parametrize("rows", [b"[1,2]", b'[["]', b"[[[[[[1]]]]]]", b"[[0.5,1][0.5,1]]", b"[[0.5,1]"])
def test_rows_that_are_none_are_refused(rows: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        list(cut_rows(rows))


def test_a_line_that_tells_of_an_end_is_the_answer() -> None:
    id, scores = new_id(), render_scores([(0.25, 0, 1)], "1.0.0")
    line = b"%b 1 1700000000000 1700000000123 %b" % (id.encode(), scores)
    heard = read_message(JOBS, f"{JOBS.answers}00000000", line)
    assert heard
    assert (heard.ended, heard.ids) == (True, [id])
    job = heard.answers[id].job
    assert (job.state, job.patients, str(job.id)) == (State.SUCCEEDED, 1, id)
    assert job.finished_at == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert heard.answers[id].scores == scores


@pytest.mark.parametrize("data", [b"x", b"x 1 2 3 []", b"\xff\xfe 1 2 3 []", b""])
def test_a_message_that_cannot_be_read_may_have_been_anything(data: bytes) -> None:
    heard = read_message(JOBS, f"{JOBS.answers}00000000", data)
    assert heard is None or not heard.ids
    assert read_message(JOBS, JOBS.ended, b"\xff\xfe") is None
