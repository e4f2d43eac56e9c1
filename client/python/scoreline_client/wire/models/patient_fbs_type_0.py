from typing import Literal

PatientFbsType0 = Literal[0, 1]

PATIENT_FBS_TYPE_0_VALUES: set[PatientFbsType0] = {
    0,
    1,
}


def check_patient_fbs_type_0(value: int) -> PatientFbsType0:
    if value in PATIENT_FBS_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_FBS_TYPE_0_VALUES!r}")
