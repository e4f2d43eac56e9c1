from typing import Literal

PatientSlopeType1 = Literal["down", "flat", "up"]

PATIENT_SLOPE_TYPE_1_VALUES: set[PatientSlopeType1] = {
    "down",
    "flat",
    "up",
}


def check_patient_slope_type_1(value: str) -> PatientSlopeType1:
    if value in PATIENT_SLOPE_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_SLOPE_TYPE_1_VALUES!r}")
