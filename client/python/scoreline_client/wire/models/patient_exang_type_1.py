from typing import Literal

PatientExangType1 = Literal["no", "yes"]

PATIENT_EXANG_TYPE_1_VALUES: set[PatientExangType1] = {
    "no",
    "yes",
}


def check_patient_exang_type_1(value: str) -> PatientExangType1:
    if value in PATIENT_EXANG_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_EXANG_TYPE_1_VALUES!r}")
