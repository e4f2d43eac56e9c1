from typing import Literal

ScorePrediction = Literal["disease", "no disease"]

SCORE_PREDICTION_VALUES: set[ScorePrediction] = {
    "disease",
    "no disease",
}


def check_score_prediction(value: str) -> ScorePrediction:
    if value in SCORE_PREDICTION_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCORE_PREDICTION_VALUES!r}")
