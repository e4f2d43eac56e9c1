from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.patient_ca_type_0_type_0 import (
    PatientCaType0Type0,
    check_patient_ca_type_0_type_0,
)
from ..models.patient_ca_type_0_type_1 import (
    PatientCaType0Type1,
    check_patient_ca_type_0_type_1,
)
from ..models.patient_cp_type_0 import PatientCpType0, check_patient_cp_type_0
from ..models.patient_cp_type_1 import PatientCpType1, check_patient_cp_type_1
from ..models.patient_exang_type_0 import PatientExangType0, check_patient_exang_type_0
from ..models.patient_exang_type_1 import PatientExangType1, check_patient_exang_type_1
from ..models.patient_fbs_type_0 import PatientFbsType0, check_patient_fbs_type_0
from ..models.patient_fbs_type_1 import PatientFbsType1, check_patient_fbs_type_1
from ..models.patient_restecg_type_0 import (
    PatientRestecgType0,
    check_patient_restecg_type_0,
)
from ..models.patient_restecg_type_1 import (
    PatientRestecgType1,
    check_patient_restecg_type_1,
)
from ..models.patient_sex_type_0 import PatientSexType0, check_patient_sex_type_0
from ..models.patient_sex_type_1 import PatientSexType1, check_patient_sex_type_1
from ..models.patient_slope_type_0 import PatientSlopeType0, check_patient_slope_type_0
from ..models.patient_slope_type_1 import PatientSlopeType1, check_patient_slope_type_1
from ..models.patient_thal_type_0_type_0 import (
    PatientThalType0Type0,
    check_patient_thal_type_0_type_0,
)
from ..models.patient_thal_type_0_type_1 import (
    PatientThalType0Type1,
    check_patient_thal_type_0_type_1,
)
from ..types import UNSET, Unset

T = TypeVar("T", bound="Patient")


@_attrs_define
class Patient:
    """One patient, as measured before an angiogram; a value that fits no patient is refused.

    Every field must be stated, except `chol`; a category is stated by its integer code or by its name.

    The first sentence of a field's description says what it is: its name up to a colon or a comma, then what helps to
    read it. What follows is for those who send codes.

    Source of definitions and units: Janosi, Steinbrunn, Pfisterer, Detrano, "Heart Disease", UCI Machine
    Learning Repository (1988), file `heart-disease.names`. Source of the soft bounds: minimum and maximum of
    its Cleveland table. The hard bounds are engineering judgement, wider than any patient seen at the four
    sites; no clinician has set them. Source of the other units: 1 mmHg is 0.1333224 kPa (NIST Special Publication 811,
    2008 edition, appendix B.8), and 1 mol of cholesterol, C27H46O, is 386.7 g (IUPAC's standard atomic weights).

        Attributes:
            age (float): Age.
            sex (PatientSexType0 | PatientSexType1): Sex.
            cp (PatientCpType0 | PatientCpType1): Chest pain: typical angina, atypical angina, non-anginal pain, or none.
            trestbps (float): Systolic blood pressure at rest, on admission.
            fbs (PatientFbsType0 | PatientFbsType1): Fasting blood sugar above 120 mg/dL.
            restecg (PatientRestecgType0 | PatientRestecgType1): Resting electrocardiogram: left ventricular hypertrophy by
                Estes' criteria, normal, or ST-T wave abnormality.
            thalach (float): Maximum heart rate reached in the exercise test.
            exang (PatientExangType0 | PatientExangType1): Angina brought on by exercise.
            oldpeak (float): ST depression brought on by exercise, relative to rest (1 mm is 0.1 mV).
            slope (PatientSlopeType0 | PatientSlopeType1): Slope of the ST segment at peak exercise.
            ca (None | PatientCaType0Type0 | PatientCaType0Type1): Major vessels coloured by fluoroscopy. 4 is read as null,
                as in `heart.csv`.
            thal (None | PatientThalType0Type0 | PatientThalType0Type1): Thallium stress test: fixed defect, normal, or
                reversible defect. 0 is read as null, as in `heart.csv`. The UCI codes 6 and 7 are refused: translate them, or
                give the name.
            chol (float | None | Unset): Serum cholesterol: accepted and not used, since it adds nothing to the prediction.
    """

    age: float
    sex: PatientSexType0 | PatientSexType1
    cp: PatientCpType0 | PatientCpType1
    trestbps: float
    fbs: PatientFbsType0 | PatientFbsType1
    restecg: PatientRestecgType0 | PatientRestecgType1
    thalach: float
    exang: PatientExangType0 | PatientExangType1
    oldpeak: float
    slope: PatientSlopeType0 | PatientSlopeType1
    ca: None | PatientCaType0Type0 | PatientCaType0Type1
    thal: None | PatientThalType0Type0 | PatientThalType0Type1
    chol: float | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        age = self.age

        sex: int | str
        if isinstance(self.sex, int):
            sex = self.sex
        else:
            sex = self.sex

        cp: int | str
        if isinstance(self.cp, int):
            cp = self.cp
        else:
            cp = self.cp

        trestbps = self.trestbps

        fbs: int | str
        if isinstance(self.fbs, int):
            fbs = self.fbs
        else:
            fbs = self.fbs

        restecg: int | str
        if isinstance(self.restecg, int):
            restecg = self.restecg
        else:
            restecg = self.restecg

        thalach = self.thalach

        exang: int | str
        if isinstance(self.exang, int):
            exang = self.exang
        else:
            exang = self.exang

        oldpeak = self.oldpeak

        slope: int | str
        if isinstance(self.slope, int):
            slope = self.slope
        else:
            slope = self.slope

        ca: int | None | str
        if isinstance(self.ca, int):
            ca = self.ca
        elif isinstance(self.ca, str):
            ca = self.ca
        else:
            ca = self.ca

        thal: int | None | str
        if isinstance(self.thal, int):
            thal = self.thal
        elif isinstance(self.thal, str):
            thal = self.thal
        else:
            thal = self.thal

        chol: float | None | Unset
        if isinstance(self.chol, Unset):
            chol = UNSET
        else:
            chol = self.chol

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "age": age,
                "sex": sex,
                "cp": cp,
                "trestbps": trestbps,
                "fbs": fbs,
                "restecg": restecg,
                "thalach": thalach,
                "exang": exang,
                "oldpeak": oldpeak,
                "slope": slope,
                "ca": ca,
                "thal": thal,
            }
        )
        if chol is not UNSET:
            field_dict["chol"] = chol

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        age = d.pop("age")

        def _parse_sex(data: object) -> PatientSexType0 | PatientSexType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                sex_type_0 = check_patient_sex_type_0(data)

                return sex_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            sex_type_1 = check_patient_sex_type_1(data)

            return sex_type_1

        sex = _parse_sex(d.pop("sex"))

        def _parse_cp(data: object) -> PatientCpType0 | PatientCpType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                cp_type_0 = check_patient_cp_type_0(data)

                return cp_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            cp_type_1 = check_patient_cp_type_1(data)

            return cp_type_1

        cp = _parse_cp(d.pop("cp"))

        trestbps = d.pop("trestbps")

        def _parse_fbs(data: object) -> PatientFbsType0 | PatientFbsType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                fbs_type_0 = check_patient_fbs_type_0(data)

                return fbs_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            fbs_type_1 = check_patient_fbs_type_1(data)

            return fbs_type_1

        fbs = _parse_fbs(d.pop("fbs"))

        def _parse_restecg(data: object) -> PatientRestecgType0 | PatientRestecgType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                restecg_type_0 = check_patient_restecg_type_0(data)

                return restecg_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            restecg_type_1 = check_patient_restecg_type_1(data)

            return restecg_type_1

        restecg = _parse_restecg(d.pop("restecg"))

        thalach = d.pop("thalach")

        def _parse_exang(data: object) -> PatientExangType0 | PatientExangType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                exang_type_0 = check_patient_exang_type_0(data)

                return exang_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            exang_type_1 = check_patient_exang_type_1(data)

            return exang_type_1

        exang = _parse_exang(d.pop("exang"))

        oldpeak = d.pop("oldpeak")

        def _parse_slope(data: object) -> PatientSlopeType0 | PatientSlopeType1:
            try:
                if not isinstance(data, int):
                    raise TypeError()
                slope_type_0 = check_patient_slope_type_0(data)

                return slope_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, str):
                raise TypeError()
            slope_type_1 = check_patient_slope_type_1(data)

            return slope_type_1

        slope = _parse_slope(d.pop("slope"))

        def _parse_ca(data: object) -> None | PatientCaType0Type0 | PatientCaType0Type1:
            if data is None:
                return data
            try:
                if not isinstance(data, int):
                    raise TypeError()
                ca_type_0_type_0 = check_patient_ca_type_0_type_0(data)

                return ca_type_0_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ca_type_0_type_1 = check_patient_ca_type_0_type_1(data)

                return ca_type_0_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PatientCaType0Type0 | PatientCaType0Type1, data)

        ca = _parse_ca(d.pop("ca"))

        def _parse_thal(data: object) -> None | PatientThalType0Type0 | PatientThalType0Type1:
            if data is None:
                return data
            try:
                if not isinstance(data, int):
                    raise TypeError()
                thal_type_0_type_0 = check_patient_thal_type_0_type_0(data)

                return thal_type_0_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, str):
                    raise TypeError()
                thal_type_0_type_1 = check_patient_thal_type_0_type_1(data)

                return thal_type_0_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PatientThalType0Type0 | PatientThalType0Type1, data)

        thal = _parse_thal(d.pop("thal"))

        def _parse_chol(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        chol = _parse_chol(d.pop("chol", UNSET))

        patient = cls(
            age=age,
            sex=sex,
            cp=cp,
            trestbps=trestbps,
            fbs=fbs,
            restecg=restecg,
            thalach=thalach,
            exang=exang,
            oldpeak=oldpeak,
            slope=slope,
            ca=ca,
            thal=thal,
            chol=chol,
        )

        return patient
