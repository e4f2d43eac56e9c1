from typing import Literal

PatientRestecgType0 = Literal[0, 1, 2]

PATIENT_RESTECG_TYPE_0_VALUES: set[PatientRestecgType0] = {
    0,
    1,
    2,
}


def check_patient_restecg_type_0(value: int) -> PatientRestecgType0:
    if value in PATIENT_RESTECG_TYPE_0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_RESTECG_TYPE_0_VALUES!r}")
