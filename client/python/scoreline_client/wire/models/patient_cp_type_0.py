from typing import Literal

PatientCpType0 = Literal[0, 1, 2, 3]

PATIENT_CP_TYPE_0_VALUES: set[PatientCpType0] = {
    0,
    1,
    2,
    3,
}


def check_patient_cp_type_0(value: int) -> PatientCpType0:
    if value in PATIENT_CP_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_CP_TYPE_0_VALUES!r}")
