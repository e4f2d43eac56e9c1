from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.explanation_contributions import ExplanationContributions


T = TypeVar("T", bound="Explanation")


@_attrs_define
class Explanation:
    """How the risk comes about: `baseline` and all `contributions` together are `log_odds`, to within 1e-6.

    Attributes:
        baseline (float): Log-odds that the model gives the mean patient of its training table.
        contributions (ExplanationContributions): What each field adds to the log-odds, compared with the mean patient:
            above 0 it speaks for disease. A field that the model does not use adds 0; one that was not measured may add
            something.
        log_odds (float): ln(risk / (1 - risk)), before the risk is rounded.
    """

    baseline: float
    contributions: ExplanationContributions
    log_odds: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        baseline = self.baseline

        contributions = self.contributions.to_dict()

        log_odds = self.log_odds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "baseline": baseline,
                "contributions": contributions,
                "log_odds": log_odds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.explanation_contributions import ExplanationContributions  # noqa: PLC0415

        d = dict(src_dict)
        baseline = d.pop("baseline")

        contributions = ExplanationContributions.from_dict(d.pop("contributions"))

        log_odds = d.pop("log_odds")

        explanation = cls(
            baseline=baseline,
            contributions=contributions,
            log_odds=log_odds,
        )

        explanation.additional_properties = d
        return explanation

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
