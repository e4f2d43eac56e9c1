from typing import Literal

PatientCaType0Type0 = Literal[0, 1, 2, 3, 4]

PATIENT_CA_TYPE_0_TYPE_0_VALUES: set[PatientCaType0Type0] = {
    0,
    1,
    2,
    3,
    4,
}


def check_patient_ca_type_0_type_0(value: int) -> PatientCaType0Type0:
    if value in PATIENT_CA_TYPE_0_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_CA_TYPE_0_TYPE_0_VALUES!r}")
