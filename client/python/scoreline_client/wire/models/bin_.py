from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Bin")


@_attrs_define
class Bin:
    """One bin of a feature.

    Attributes:
        label (str): What it holds; a lower edge belongs to it.
        patients (int | None): Patients in it; not told of too few.
        share (float | None): Share of the patients; not told of too few.
        reference (float): Share of training's patients.
    """

    label: str
    patients: int | None
    share: float | None
    reference: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        patients: int | None
        patients = self.patients

        share: float | None
        share = self.share

        reference = self.reference

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "patients": patients,
                "share": share,
                "reference": reference,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        label = d.pop("label")

        def _parse_patients(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        patients = _parse_patients(d.pop("patients"))

        def _parse_share(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        share = _parse_share(d.pop("share"))

        reference = d.pop("reference")

        bin_ = cls(
            label=label,
            patients=patients,
            share=share,
            reference=reference,
        )

        bin_.additional_properties = d
        return bin_

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
