from typing import Literal

PatientSlopeType0 = Literal[0, 1, 2]

PATIENT_SLOPE_TYPE_0_VALUES: set[PatientSlopeType0] = {
    0,
    1,
    2,
}


def check_patient_slope_type_0(value: int) -> PatientSlopeType0:
    if value in PATIENT_SLOPE_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_SLOPE_TYPE_0_VALUES!r}")
