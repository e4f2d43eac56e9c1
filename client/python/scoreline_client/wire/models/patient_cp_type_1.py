from typing import Literal

PatientCpType1 = Literal["asymptomatic", "atypical", "non-anginal", "typical"]

PATIENT_CP_TYPE_1_VALUES: set[PatientCpType1] = {
    "asymptomatic",
    "atypical",
    "non-anginal",
    "typical",
}


def check_patient_cp_type_1(value: str) -> PatientCpType1:
    if value in PATIENT_CP_TYPE_1_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {PATIENT_CP_TYPE_1_VALUES!r}")
