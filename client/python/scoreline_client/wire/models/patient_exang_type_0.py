from typing import Literal

PatientExangType0 = Literal[0, 1]

PATIENT_EXANG_TYPE_0_VALUES: set[PatientExangType0] = {
    0,
    1,
}


def check_patient_exang_type_0(value: int) -> PatientExangType0:
    if value in PATIENT_EXANG_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_EXANG_TYPE_0_VALUES!r}")
