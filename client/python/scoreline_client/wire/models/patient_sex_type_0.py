from typing import Literal

PatientSexType0 = Literal[0, 1]

PATIENT_SEX_TYPE_0_VALUES: set[PatientSexType0] = {
    0,
    1,
}


def check_patient_sex_type_0(value: int) -> PatientSexType0:
    if value in PATIENT_SEX_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_SEX_TYPE_0_VALUES!r}")
