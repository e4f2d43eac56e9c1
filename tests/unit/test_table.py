"""The training table: the committed one is what it should be, and a bad one is refused with a sentence."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadTable
from core.schema.field import Measure
from core.schema.patient import COLUMNS, Patient, fields_of_patient
from training.data.cleveland import CSV_SHA256, NAMES, SOURCE_MEMBER, download, read_source, translate
from training.data.table import TABLE, Table, read_table

ORANGE = [
    "\t".join(NAMES),
    "c\td\td\tc\tc\td\td\tc\td\tc\td\tc\td\td",
    "\t" * 12 + "class",
    "63\tmale\ttypical ang\t145\t233\t1\tleft vent hypertrophy\t150\t0\t2.3\tdownsloping\t0\tfixed defect\t0",
    "67\tfemale\tasymptomatic\t160\t286\t0\tST-T abnormal\t108\t1\t1.5\tflat\t?\treversable defect\t1",
    "50\tmale\tatypical ang\t120\t200\t0\tnormal\t170\t0\t0\tupsloping\t3\t?\t0",
    "51\tmale\tnon-anginal\t120\t200\t0\tnormal\t170\t0\t0\tupsloping\t2\tnormal\t0",
]


@pytest.fixture(scope="module")
def table() -> Table:
    """The committed table."""
    return read_table(TABLE)


def test_the_committed_table_is_the_one_that_the_rebuild_makes(table: Table) -> None:
    assert table.sha256 == CSV_SHA256


def test_it_holds_303_patients_of_whom_139_are_diseased(table: Table) -> None:
    assert (len(table.rows), table.outcome.shape, table.outcome.sum()) == (303, (303,), 139)


def test_it_holds_no_patient_twice(table: Table) -> None:
    assert len(set(table.rows)) == 303


def test_four_patients_lack_ca_and_two_lack_thal_and_nothing_else_is_missing(table: Table) -> None:
    missing = {name: sum(row[i] is None for row in table.rows) for i, name in enumerate(COLUMNS)}
    assert {name: count for name, count in missing.items() if count} == {"ca": 4, "thal": 2}


def test_the_soft_bounds_of_the_contract_are_the_smallest_and_largest_values(table: Table) -> None:
    values = np.array(table.rows, dtype=float)
    for column, field in enumerate(fields_of_patient().values()):
        if isinstance(field, Measure):
            assert field.soft == (values[:, column].min(), values[:, column].max())


def test_integers_are_written_as_integers() -> None:
    assert TABLE.read_text().splitlines()[1] == "63,1,3,145,233,1,0,150,0,2.3,0,0,1,0"


def test_the_codes_of_the_source_are_translated_by_their_names() -> None:
    translated = translate("\n".join(ORANGE)).replace(np.nan, None).to_numpy().tolist()
    assert translated == [
        [63, 1, 3, 145, 233, 1, 0, 150, 0, 2.3, 0, 0, 1, 0],
        [67, 0, 0, 160, 286, 0, 2, 108, 1, 1.5, 1, None, 3, 1],
        [50, 1, 1, 120, 200, 0, 1, 170, 0, 0, 2, 3, None, 0],
        [51, 1, 2, 120, 200, 0, 1, 170, 0, 0, 2, 2, 2, 0],
    ]
    assert Patient.model_validate(dict(zip(COLUMNS, translated[0], strict=False))).cp == 3


@pytest.mark.parametrize(
    ("find", "put", "sentence"),
    [
        ("typical ang", "other ang", "code without a translation in column cp"),
        ("gender", "sex", "must have the columns"),
    ],
)
def test_a_source_that_cannot_be_translated_is_refused(find: str, put: str, sentence: str) -> None:
    with pytest.raises(BadTable, match=sentence):
        translate("\n".join(ORANGE).replace(find, put))


@pytest.mark.parametrize(
    ("member", "sentence"), [(SOURCE_MEMBER, "not the one expected"), ("other.tab", "does not hold")]
)
def test_a_wheel_with_another_table_is_refused(tmp_path: Path, member: str, sentence: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr(member, "another table")
    with pytest.raises(BadTable, match=sentence):
        read_source(tmp_path / "a.whl")


def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"not a zip")
    with pytest.raises(BadTable, match="does not hold"):
        read_source(tmp_path / "a.whl")


def test_a_download_that_fails_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(BadTable, match="could not download orange3"):
        download(tmp_path)


def invert(text: str) -> str:
    """Return the table with its target inverted, as `heart.csv` has it."""
    head, *lines = text.splitlines()
    return "\n".join([head, *(line[:-1] + str(1 - int(line[-1])) for line in lines)])


FIRST = "63,1,3,145,233,1,0,150,0,2.3,0,0,1,0"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda _: "", "cannot be read as a CSV file"),
        (lambda text: text.replace("target", "num"), "must have the columns"),
        (lambda text: text.replace("age,sex", "sex,age"), "must have the columns"),
        (lambda text: text.replace(FIRST, FIRST.replace("63", "987", 1)), "line 2, column age: must be a number from"),
        (lambda text: text.replace(FIRST, FIRST.replace("63", "old", 1)), "line 2, column age: must be a number from"),
        (lambda text: text.replace(FIRST, FIRST.replace("63", "", 1)), "line 2, column age: must be a number from"),
        (lambda text: text.replace(FIRST, FIRST.replace(",1,3,", ",1,9,")), "line 2, column cp: must be one of"),
        (lambda text: text.replace(FIRST, FIRST[:-3] + "7,0"), "line 2, column thal: must be one of"),
        (lambda text: text.replace(FIRST, FIRST[:-1] + "2"), "column target: must be 1 for disease"),
        (lambda text: text.replace(FIRST, FIRST[:-1]), "column target: must be 1 for disease"),
        (lambda text: "\n".join(line for line in text.splitlines() if line[-1] != "1"), "and hold both"),
        (lambda text: text + FIRST + "\n", "line 305: repeats an earlier line"),
        (lambda text: text + FIRST[:-1] + "1\n", "line 305: repeats an earlier line"),
        (
            lambda text: "\n".join(line.partition(",")[2] for line in text.splitlines()),
            "must have the columns age, sex",
        ),
        (invert, "looks inverted"),
    ],
)
def test_a_bad_table_is_refused_with_a_sentence(spoil: Callable[[str], str], sentence: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(spoil(TABLE.read_text()))
    with pytest.raises(BadTable, match=sentence) as refusal:
        read_table(bad)
    assert str(refusal.value).endswith(".")
    assert "987" not in str(refusal.value)


def test_a_table_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="`python -m training table` makes it anew"):
        read_table(tmp_path / "none.csv")
