"""A bundle that is not whole is refused at load, with a sentence that says what to do."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import BrokenBundle
from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import FEATURES
from models.scorer import Scorer

CHAMPION = Path(__file__).parents[2] / "models" / "champion"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the released bundle, to be spoiled."""
    return Path(shutil.copytree(CHAMPION, tmp_path / "bundle"))


def edit_card(bundle: Path, **changes: object) -> None:
    """Rewrite these keys of the card; None removes one."""
    card = json.loads((bundle / CARD_FILE).read_text()) | changes
    (bundle / CARD_FILE).write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def put_garbage(bundle: Path) -> None:
    """Put bytes that are no model in place of the model, with a card that vouches for them."""
    (bundle / MODEL_FILE).write_bytes(b"no model")
    edit_card(bundle, model_sha256=hashlib.sha256(b"no model").hexdigest())


def cut_model(bundle: Path) -> None:
    """Leave the first half of the model, as a copy that was interrupted does."""
    model = (bundle / MODEL_FILE).read_bytes()
    (bundle / MODEL_FILE).write_bytes(model[: len(model) // 2])


def test_the_released_bundle_loads_and_names_its_version() -> None:
    scorer = Scorer.load(CHAMPION)
    assert scorer.card.features == FEATURES
    assert scorer.version == f"1.1.0+{scorer.card.model_sha256[:8]}"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (shutil.rmtree, "cannot be read"),
        (lambda bundle: (bundle / MODEL_FILE).unlink(), f"{MODEL_FILE} cannot be read"),
        (lambda bundle: (bundle / CARD_FILE).unlink(), f"{CARD_FILE} cannot be read"),
        (lambda bundle: (bundle / CARD_FILE).write_text('{"name": "Sco'), "not a model card: the file"),
        (lambda bundle: edit_card(bundle, threshold=None), "not a model card: threshold"),
        (lambda bundle: edit_card(bundle, threshold=7), "not a model card: threshold"),
        (lambda bundle: edit_card(bundle, model_sha256="0" * 64), "half-written or damaged"),
        (cut_model, "half-written or damaged"),
        (lambda bundle: edit_card(bundle, features=FEATURES[::-1]), "trained on other features"),
        (lambda bundle: edit_card(bundle, features=FEATURES[:-1]), "trained on other features"),
        (lambda bundle: edit_card(bundle, conformal=None), "not a model card: conformal"),
        (lambda bundle: edit_card(bundle, fields={}), "trained on other features"),
        (put_garbage, "not a model that onnxruntime can load"),
    ],
)
def test_a_broken_bundle_is_refused_with_a_sentence(
    spoil: Callable[[Path], object], sentence: str, bundle: Path
) -> None:
    spoil(bundle)
    with pytest.raises(BrokenBundle, match=sentence) as refusal:
        Scorer.load(bundle)
    assert "make train" in str(refusal.value)


def test_a_card_with_more_keys_than_we_know_still_loads(bundle: Path) -> None:
    """So that, while a newer release is rolled out, a worker of this one can load its bundle."""
    edit_card(bundle, added_later={"coverage": 0.9})
    assert Scorer.load(bundle).version == Scorer.load(CHAMPION).version


def test_every_key_of_the_card_that_could_be_obscure_is_explained() -> None:
    plain = {"name", "threshold_rule", "fields", "metrics", "training", "licence", "limits"}
    assert all(info.description for name, info in Card.model_fields.items() if name not in plain | {"versions"})
