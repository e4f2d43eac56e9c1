from typing import Literal

PatientCaType0Type1 = Literal["none", "one", "three", "two"]

PATIENT_CA_TYPE_0_TYPE_1_VALUES: set[PatientCaType0Type1] = {
    "none",
    "one",
    "three",
    "two",
}


def check_patient_ca_type_0_type_1(value: str) -> PatientCaType0Type1:
    if value in PATIENT_CA_TYPE_0_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_CA_TYPE_0_TYPE_1_VALUES!r}")
