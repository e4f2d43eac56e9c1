from typing import Literal

PatientRestecgType1 = Literal["lvh", "normal", "st-t"]

PATIENT_RESTECG_TYPE_1_VALUES: set[PatientRestecgType1] = {
    "lvh",
    "normal",
    "st-t",
}


def check_patient_restecg_type_1(value: str) -> PatientRestecgType1:
    if value in PATIENT_RESTECG_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_RESTECG_TYPE_1_VALUES!r}")
