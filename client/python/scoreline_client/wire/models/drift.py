from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.feature_drift import FeatureDrift


T = TypeVar("T", bound="Drift")


@_attrs_define
class Drift:
    """Whether the patients of some hours are like those that the model was trained on.

    Attributes:
        model_version (str):
        hours (int): Hours of the clock that are looked at, with the one that it is.
        since (datetime.datetime):
        until (datetime.datetime):
        patients (int): Patients whom this model scored in these hours.
        drifting (list[str]): The features that drift.
        features (list[FeatureDrift]):
        reference_patients (int): Training's patients.
        size_per_feature (float): A p-value below this doubts.
        patients_needed (int | Unset): Of fewer nothing is said. Default: 100.
        psi_limit (float | Unset): A feature drifts from this index on, if the test doubts it too. Default: 0.1.
        size (float | Unset): Size of the test of all features together: how often it doubts without a cause. Default:
            0.001.
    """

    model_version: str
    hours: int
    since: datetime.datetime
    until: datetime.datetime
    patients: int
    drifting: list[str]
    features: list[FeatureDrift]
    reference_patients: int
    size_per_feature: float
    patients_needed: int | Unset = 100
    psi_limit: float | Unset = 0.1
    size: float | Unset = 0.001
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        model_version = self.model_version

        hours = self.hours

        since = self.since.isoformat()

        until = self.until.isoformat()

        patients = self.patients

        drifting = self.drifting

        features = []
        for features_item_data in self.features:
            features_item = features_item_data.to_dict()
            features.append(features_item)

        reference_patients = self.reference_patients

        size_per_feature = self.size_per_feature

        patients_needed = self.patients_needed

        psi_limit = self.psi_limit

        size = self.size

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "model_version": model_version,
                "hours": hours,
                "since": since,
                "until": until,
                "patients": patients,
                "drifting": drifting,
                "features": features,
                "reference_patients": reference_patients,
                "size_per_feature": size_per_feature,
            }
        )
        if patients_needed is not UNSET:
            field_dict["patients_needed"] = patients_needed
        if psi_limit is not UNSET:
            field_dict["psi_limit"] = psi_limit
        if size is not UNSET:
            field_dict["size"] = size

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.feature_drift import FeatureDrift  # noqa: PLC0415

        d = dict(src_dict)
        model_version = d.pop("model_version")

        hours = d.pop("hours")

        since = datetime.datetime.fromisoformat(d.pop("since"))

        until = datetime.datetime.fromisoformat(d.pop("until"))

        patients = d.pop("patients")

        drifting = cast(list[str], d.pop("drifting"))

        features = []
        _features = d.pop("features")
        for features_item_data in _features:
            features_item = FeatureDrift.from_dict(features_item_data)

            features.append(features_item)

        reference_patients = d.pop("reference_patients")

        size_per_feature = d.pop("size_per_feature")

        patients_needed = d.pop("patients_needed", UNSET)

        psi_limit = d.pop("psi_limit", UNSET)

        size = d.pop("size", UNSET)

        drift = cls(
            model_version=model_version,
            hours=hours,
            since=since,
            until=until,
            patients=patients,
            drifting=drifting,
            features=features,
            reference_patients=reference_patients,
            size_per_feature=size_per_feature,
            patients_needed=patients_needed,
            psi_limit=psi_limit,
            size=size,
        )

        drift.additional_properties = d
        return drift

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
