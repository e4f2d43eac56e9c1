from typing import Literal

PatientThalType0Type0 = Literal[0, 1, 2, 3]

PATIENT_THAL_TYPE_0_TYPE_0_VALUES: set[PatientThalType0Type0] = {
    0,
    1,
    2,
    3,
}


def check_patient_thal_type_0_type_0(value: int) -> PatientThalType0Type0:
    if value in PATIENT_THAL_TYPE_0_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_THAL_TYPE_0_TYPE_0_VALUES!r}")
