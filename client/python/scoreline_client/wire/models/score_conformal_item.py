from typing import Literal

ScoreConformalItem = Literal["disease", "no disease"]

SCORE_CONFORMAL_ITEM_VALUES: set[ScoreConformalItem] = {
    "disease",
    "no disease",
}


def check_score_conformal_item(value: str) -> ScoreConformalItem:
    if value in SCORE_CONFORMAL_ITEM_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCORE_CONFORMAL_ITEM_VALUES!r}")
