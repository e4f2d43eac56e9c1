from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.verdict import Verdict, check_verdict

if TYPE_CHECKING:
    from ..models.bin_ import Bin


T = TypeVar("T", bound="FeatureDrift")


@_attrs_define
class FeatureDrift:
    """How one feature, or the risk, is spread, compared with the reference.

    Attributes:
        feature (str):
        verdict (Verdict): What is said of a feature.
        psi (float | None): Population stability index, less what chance makes of it; null for too few patients.
        p_value (float | None): Of the test that both are of one population; null for too few patients.
        missing (float | None): Share in whom it was not measured; null for too few.
        missing_reference (float): Share of training's patients in whom it was not.
        bins (list[Bin]):
    """

    feature: str
    verdict: Verdict
    psi: float | None
    p_value: float | None
    missing: float | None
    missing_reference: float
    bins: list[Bin]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        feature = self.feature

        verdict: str = self.verdict

        psi: float | None
        psi = self.psi

        p_value: float | None
        p_value = self.p_value

        missing: float | None
        missing = self.missing

        missing_reference = self.missing_reference

        bins = []
        for bins_item_data in self.bins:
            bins_item = bins_item_data.to_dict()
            bins.append(bins_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "feature": feature,
                "verdict": verdict,
                "psi": psi,
                "p_value": p_value,
                "missing": missing,
                "missing_reference": missing_reference,
                "bins": bins,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.bin_ import Bin  # noqa: PLC0415

        d = dict(src_dict)
        feature = d.pop("feature")

        verdict = check_verdict(d.pop("verdict"))

        def _parse_psi(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        psi = _parse_psi(d.pop("psi"))

        def _parse_p_value(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        p_value = _parse_p_value(d.pop("p_value"))

        def _parse_missing(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        missing = _parse_missing(d.pop("missing"))

        missing_reference = d.pop("missing_reference")

        bins = []
        _bins = d.pop("bins")
        for bins_item_data in _bins:
            bins_item = Bin.from_dict(bins_item_data)

            bins.append(bins_item)

        feature_drift = cls(
            feature=feature,
            verdict=verdict,
            psi=psi,
            p_value=p_value,
            missing=missing,
            missing_reference=missing_reference,
            bins=bins,
        )

        feature_drift.additional_properties = d
        return feature_drift

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
