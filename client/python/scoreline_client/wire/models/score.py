from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.score_conformal_item import ScoreConformalItem, check_score_conformal_item
from ..models.score_prediction import ScorePrediction, check_score_prediction

if TYPE_CHECKING:
    from ..models.explanation import Explanation


T = TypeVar("T", bound="Score")


@_attrs_define
class Score:
    """The risk of one patient, how sure it is, and the version of the model that said so.

    Attributes:
        risk (float): Probability of heart disease: a major vessel narrowed by more than 50 %, as in the UCI table.
        prediction (ScorePrediction): Whether the risk reaches the threshold on the model's card.
        conformal (list[ScoreConformalItem]): What cannot be ruled out: of the patients of either kind, this set names
            the right one for 90 %. Both: the model cannot tell. None: the patient is unlike either kind.
        model_version (str): Version of the released bundle that made this score.
        warnings (list[str]): `extrapolating: age`, or another measure: it lies outside what the model was trained on.
        explanation (Explanation | None): How the risk comes about; null unless asked for by `explain=true`.
    """

    risk: float
    prediction: ScorePrediction
    conformal: list[ScoreConformalItem]
    model_version: str
    warnings: list[str]
    explanation: Explanation | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.explanation import Explanation  # noqa: PLC0415

        risk = self.risk

        prediction: str = self.prediction

        conformal = []
        for conformal_item_data in self.conformal:
            conformal_item: str = conformal_item_data
            conformal.append(conformal_item)

        model_version = self.model_version

        warnings = self.warnings

        explanation: dict[str, Any] | None
        if isinstance(self.explanation, Explanation):
            explanation = self.explanation.to_dict()
        else:
            explanation = self.explanation

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "risk": risk,
                "prediction": prediction,
                "conformal": conformal,
                "model_version": model_version,
                "warnings": warnings,
                "explanation": explanation,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.explanation import Explanation  # noqa: PLC0415

        d = dict(src_dict)
        risk = d.pop("risk")

        prediction = check_score_prediction(d.pop("prediction"))

        conformal = []
        _conformal = d.pop("conformal")
        for conformal_item_data in _conformal:
            conformal_item = check_score_conformal_item(conformal_item_data)

            conformal.append(conformal_item)

        model_version = d.pop("model_version")

        warnings = cast(list[str], d.pop("warnings"))

        def _parse_explanation(data: object) -> Explanation | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                explanation_type_0 = Explanation.from_dict(data)

                return explanation_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Explanation | None, data)

        explanation = _parse_explanation(d.pop("explanation"))

        score = cls(
            risk=risk,
            prediction=prediction,
            conformal=conformal,
            model_version=model_version,
            warnings=warnings,
            explanation=explanation,
        )

        score.additional_properties = d
        return score

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
