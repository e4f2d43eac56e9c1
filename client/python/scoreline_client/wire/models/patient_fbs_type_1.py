from typing import Literal

PatientFbsType1 = Literal["no", "yes"]

PATIENT_FBS_TYPE_1_VALUES: set[PatientFbsType1] = {
    "no",
    "yes",
}


def check_patient_fbs_type_1(value: str) -> PatientFbsType1:
    if value in PATIENT_FBS_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_FBS_TYPE_1_VALUES!r}")
