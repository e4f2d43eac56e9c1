"""The patient: thirteen fields, each with its unit, code table and bounds, declared here and nowhere else.

Names and codes are those of the well-known `heart.csv`; `docs/data.md` relates them to the UCI table.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Describe
from pydantic_core import CoreSchema, core_schema

from core.schema.field import Category, Field, Measure

Row = tuple[float | None, ...]
"""A patient's values in the order of `COLUMNS`, as the ledger stores them; None means not measured."""

YES_NO = {0: "no", 1: "yes"}


class Patient(BaseModel):
    """One patient, as measured before an angiogram; a value that fits no patient is refused.

    Every field must be stated, except `chol`; a category is stated by its integer code or by its name.

    The first sentence of a field's description says what it is: its name up to a colon or a comma, then what helps to
    read it. What follows is for those who send codes.

    Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease", UCI Machine
    Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum and maximum of
    its Cleveland table. The hard bounds are engineering judgement, wider than any patient seen at the four
    sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST Special Publication 811,
    2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's standard atomic weights).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    age: Annotated[float, Measure("years", hard=(18, 110), soft=(29, 77)), Describe(description="Age.")]
    sex: Annotated[int, Category({0: "female", 1: "male"}), Describe(description="Sex.")]
    cp: Annotated[
        int,
        Category({0: "asymptomatic", 1: "atypical", 2: "non-anginal", 3: "typical"}),
        Describe(description="Chest pain: typical angina, atypical angina, non-anginal pain, or none."),
    ]
    trestbps: Annotated[
        float,
        Measure("mmHg", hard=(60, 260), soft=(94, 200), other_unit=("kPa", 7.50062)),
        Describe(description="Systolic blood pressure at rest, on admission."),
    ]
    chol: Annotated[
        float | None,
        Measure("mg/dL", hard=(60, 700), soft=(126, 564), other_unit=("mmol/L", 38.67), nullable=True, missing=(0,)),
        Describe(description="Serum cholesterol: accepted and not used, since it adds nothing to the prediction."),
    ] = None
    fbs: Annotated[int, Category(YES_NO), Describe(description="Fasting blood sugar above 120 mg/dL.")]
    restecg: Annotated[
        int,
        Category({0: "lvh", 1: "normal", 2: "st-t"}),
        Describe(
            description="Resting electrocardiogram: left ventricular hypertrophy by Estes' criteria, normal, "
            "or ST-T wave abnormality."
        ),
    ]
    thalach: Annotated[
        float,
        Measure("bpm", hard=(40, 230), soft=(71, 202)),
        Describe(description="Maximum heart rate reached in the exercise test."),
    ]
    exang: Annotated[int, Category(YES_NO), Describe(description="Angina brought on by exercise.")]
    oldpeak: Annotated[
        float,
        Measure("mm", hard=(-3, 10), soft=(0, 6.2)),
        Describe(description="ST depression brought on by exercise, relative to rest (1 mm is 0.1 mV)."),
    ]
    slope: Annotated[
        int,
        Category({0: "down", 1: "flat", 2: "up"}),
        Describe(description="Slope of the ST segment at peak exercise."),
    ]
    ca: Annotated[
        int | None,
        Category({0: "none", 1: "one", 2: "two", 3: "three"}, nullable=True, missing=(4,)),
        Describe(description="Major vessels coloured by fluoroscopy. 4 is read as null, as in `heart.csv`."),
    ]
    thal: Annotated[
        int | None,
        Category({1: "fixed", 2: "normal", 3: "reversible"}, nullable=True, missing=(0,)),
        Describe(
            description="Thallium stress test: fixed defect, normal, or reversible defect. 0 is read as null, as in "
            "`heart.csv`. The UCI codes 6 and 7 are refused: translate them, or give the name."
        ),
    ]

    def to_row(self) -> Row:
        """Return the values in the order of `COLUMNS`."""
        return tuple(self.__dict__.values())


COLUMNS: tuple[str, ...] = tuple(Patient.model_fields)
"""The names of the fields, in the order of a `Row`."""


def fields_of_patient() -> dict[str, Field]:
    """Return each field's declaration by name, in the order of `COLUMNS`."""
    return {
        name: next(mark for mark in info.metadata if isinstance(mark, Measure | Category))
        for name, info in Patient.model_fields.items()
    }


def quick_schema() -> CoreSchema:
    """Return a schema that accepts what `Patient` accepts, and yields a dict in the order of `COLUMNS`.

    It takes a quarter of the time, since most values are checked without Python. Its errors are not meant to be shown:
    validate what it refuses with `Patient`, whose errors say what is wrong.
    """
    fields = {}
    for name, field in fields_of_patient().items():
        info, schema = Patient.model_fields[name], field.quick_schema
        if not info.is_required():
            schema = core_schema.with_default_schema(schema, default=info.default)
        fields[name] = core_schema.typed_dict_field(schema, required=info.is_required())
    return core_schema.typed_dict_schema(fields, extra_behavior="forbid")


EXAMPLE: dict[str, float] = {
    "age": 34,
    "sex": 0,
    "cp": 2,
    "trestbps": 130,
    "fbs": 0,
    "restecg": 2,
    "thalach": 148,
    "exang": 0,
    "oldpeak": 3.5,
    "slope": 0,
    "ca": 0,
    "thal": 1,
}
"""The patient that documentation, demo and probe job submit, as sent."""
