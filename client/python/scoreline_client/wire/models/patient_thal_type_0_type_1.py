from typing import Literal

PatientThalType0Type1 = Literal["fixed", "normal", "reversible"]

PATIENT_THAL_TYPE_0_TYPE_1_VALUES: set[PatientThalType0Type1] = {
    "fixed",
    "normal",
    "reversible",
}


def check_patient_thal_type_0_type_1(value: str) -> PatientThalType0Type1:
    if value in PATIENT_THAL_TYPE_0_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_THAL_TYPE_0_TYPE_1_VALUES!r}")
