"""A bundle that is not whole, or whose model is not what it claims, is refused at load, with what to do."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.local.conditions import wait_until
from core.errors import BadScore, BrokenBundle
from core.schema.patient import COLUMNS, Patient, fields_of_patient
from models.card import CARD_FILE, MODEL_FILE, Card
from models.features import FEATURES, to_matrix
from models.load_check import OUTPUTS, Trial
from models.probes import PROBES_FILE, TOLERANCE, Probes, make_records
from models.scorer import Scorer, open_session, write_probes
from tests import bundles
from tests.bundles import CHAMPION, Spoil, copy_bundle, edit_probes, place_bundle, place_files, spoil_model

BROKEN_GRAPHS: list[tuple[Spoil, str]] = [
    (bundles.make_column, r"`risk` of model.onnx must be float64 of the shape \(61,\), and is float64 of \(61, 1\)"),
    (bundles.invert_risk, r"`risk` of model.onnx is up to 1.0e\+00 from what"),
    (bundles.double_risk, "`risk` of model.onnx is not always from 0 to 1"),
    (bundles.lose_risk, "`risk` of model.onnx is not always from 0 to 1"),
    (bundles.narrow_risk, r"`risk` of model.onnx must be float64 .* and is float32 of \(61,\)"),
    (bundles.rename_risk, "model.onnx has no output `risk`"),
    (bundles.drop_term, r"`terms` of model.onnx must be float64 of the shape \(61, 13\), and is float64 of \(61, 12\)"),
    (bundles.negate_terms, "`terms` of model.onnx is up to .* from what probes.json has"),
    (bundles.mix_patients, "`risk` of model.onnx is up to .* from what probes.json has"),
    (bundles.rename_input, "model.onnx must have one input, `patients`, of float32 and 27 columns"),
    (bundles.widen_input, "model.onnx must have one input, `patients`, of float32 and 27 columns"),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the released bundle, to be spoiled."""
    return copy_bundle(tmp_path / "bundle")


def edit_card(bundle: Path, **changes: object) -> None:
    """Rewrite these keys of the card; None removes one."""
    card = json.loads((bundle / CARD_FILE).read_text()) | changes
    (bundle / CARD_FILE).write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def put_garbage(bundle: Path) -> None:
    """Put bytes that are no model in place of the model, in a bundle that vouches for them."""
    place_bundle(bundle, model=b"no model")


def cut_model(bundle: Path) -> None:
    """Leave the first half of the model, as a copy that was interrupted does."""
    model = (bundle / MODEL_FILE).read_bytes()
    (bundle / MODEL_FILE).write_bytes(model[: len(model) // 2])


def put_another_model(bundle: Path) -> None:
    """Put another model there under the version of the released one, with a card that has its hash."""
    model = spoil_model(bundles.invert_risk)
    place_files(bundle, {MODEL_FILE: model})
    edit_card(bundle, model_sha256=hashlib.sha256(model).hexdigest())


def add_field(bundle: Path) -> None:
    """Describe a field that this version of Scoreline does not know, and that the model makes no feature of."""
    fields = json.loads((bundle / CARD_FILE).read_text())["fields"]
    edit_card(bundle, fields=fields | {"smoker": fields["fbs"]})


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
        (lambda bundle: (bundle / CARD_FILE).write_text('{"name": "Sco'), "card.json is not what it must be: the file"),
        (lambda bundle: edit_card(bundle, threshold=None), "card.json is not what it must be: threshold"),
        (lambda bundle: edit_card(bundle, threshold=7), "card.json is not what it must be: threshold"),
        (lambda bundle: edit_card(bundle, model_sha256="0" * 64), "half-written or damaged"),
        (cut_model, "half-written or damaged"),
        (lambda bundle: edit_card(bundle, version="2.0.0+promoted"), "must end with \\+91513000"),
        (put_another_model, "The version in card.json is of another model"),
        (lambda bundle: edit_card(bundle, features=FEATURES[::-1]), "trained on other features"),
        (lambda bundle: edit_card(bundle, features=FEATURES[:-1]), "trained on other features"),
        (lambda bundle: edit_card(bundle, conformal=None), "card.json is not what it must be: conformal"),
        (lambda bundle: edit_card(bundle, fields={}), "trained on other features"),
        (add_field, "trained on other features"),
        (put_garbage, "not a model that onnxruntime can load"),
        (lambda bundle: (bundle / PROBES_FILE).unlink(), "has no probes.json.*`python -m models probe FOLDER`"),
        (lambda bundle: (bundle / PROBES_FILE).write_text("{}"), "probes.json is not what it must be"),
        (lambda bundle: edit_probes(bundle, model_sha256="0" * 64), "probes.json is not of the model"),
        (lambda bundle: edit_probes(bundle, fields=COLUMNS[::-1]), "probes.json is not of the model"),
        (lambda bundle: edit_probes(bundle, records=[]), "probes.json is not what it must be: records"),
        (lambda bundle: edit_probes(bundle, records=[[1.0]]), "every record must have a value for each field"),
        (lambda bundle: edit_probes(bundle, outputs={}), "probes.json does not have every output"),
    ],
)
def test_a_broken_bundle_is_refused_with_a_sentence(
    spoil: Callable[[Path], object], sentence: str, bundle: Path
) -> None:
    spoil(bundle)
    with pytest.raises(BrokenBundle, match=sentence) as refusal:
        Scorer.load(bundle)
    assert "make train" in str(refusal.value)
    assert str(bundle.parent) not in str(refusal.value)


@pytest.mark.parametrize(("spoil", "sentence"), BROKEN_GRAPHS, ids=[spoil.__name__ for spoil, _ in BROKEN_GRAPHS])
def test_a_model_that_does_not_say_what_it_must_is_refused_with_a_sentence(
    spoil: Spoil, sentence: str, bundle: Path
) -> None:
    place_bundle(bundle, spoil)
    with pytest.raises(BrokenBundle, match=sentence) as refusal:
        Scorer.load(bundle)
    assert "make train" in str(refusal.value)


@pytest.mark.parametrize("spoil", [bundles.make_column, bundles.double_risk, bundles.lose_risk, bundles.narrow_risk])
def test_a_risk_that_is_no_probability_is_never_given_out_whoever_let_the_model_in(spoil: Spoil) -> None:
    scorer = Scorer(Scorer.load(CHAMPION).card, open_session(spoil_model(spoil)))
    matrix = to_matrix(make_records())
    for say in (scorer.risk, scorer.score, scorer.predict):
        with pytest.raises(BadScore):
            say(matrix)


@pytest.mark.parametrize("spoil", [bundles.drop_term, bundles.lose_terms])
def test_an_explanation_that_is_none_is_never_given_out(spoil: Spoil) -> None:
    scorer = Scorer(Scorer.load(CHAMPION).card, open_session(spoil_model(spoil)))
    matrix = to_matrix(make_records())
    assert len(scorer.score(matrix)) == len(matrix)
    with pytest.raises(BadScore):
        scorer.score(matrix, explain=True)


@pytest.mark.parametrize(("off", "loads"), [(0.5 * TOLERANCE, True), (5 * TOLERANCE, False)])
def test_what_another_processor_rounds_otherwise_still_loads(off: float, loads: bool, bundle: Path) -> None:
    outputs: dict[str, Any] = json.loads((bundle / PROBES_FILE).read_text())["outputs"]
    edit_probes(bundle, outputs=outputs | {"risk": [risk + off for risk in outputs["risk"]]})
    if loads:
        Scorer.load(bundle)
    else:
        with pytest.raises(BrokenBundle, match=r"`risk` of model.onnx is up to 5.0e-05 from what"):
            Scorer.load(bundle)


def test_the_probes_are_valid_patients_who_reach_every_code_every_null_and_both_ends_of_each_measure() -> None:
    probes = Probes.model_validate_json((CHAMPION / PROBES_FILE).read_bytes())
    assert probes.records == make_records()
    assert probes.outputs.keys() == set(OUTPUTS)
    patients = [Patient.model_validate(dict(zip(COLUMNS, row, strict=True))).to_row() for row in probes.records]
    assert tuple(patients) == probes.records
    for values, (name, field) in zip(zip(*probes.records, strict=True), fields_of_patient().items(), strict=True):
        known = [value for value in values if value is not None]
        assert (None in values) is field.nullable, name
        if hasattr(field, "names"):
            assert set(known) == set(field.names)
        else:
            low, high = field.soft
            assert min(known) < low < high < max(known)
    risk = np.array(probes.outputs["risk"])
    assert risk.min() < 0.1
    assert risk.max() > 0.9


def test_an_older_bundle_is_given_probes_by_one_command(bundle: Path) -> None:
    (bundle / PROBES_FILE).unlink()
    write_probes(bundle)
    assert (bundle / PROBES_FILE).read_bytes() == (CHAMPION / PROBES_FILE).read_bytes()
    assert Scorer.load(bundle).version == Scorer.load(CHAMPION).version


def test_a_model_that_is_out_of_bounds_is_given_no_probes(bundle: Path) -> None:
    place_bundle(bundle, bundles.double_risk)
    (bundle / PROBES_FILE).unlink()
    with pytest.raises(BrokenBundle, match="not always from 0 to 1"):
        write_probes(bundle)
    assert not (bundle / PROBES_FILE).exists()


def test_a_trial_tells_of_a_good_bundle_and_of_a_bad_one_why(bundle: Path) -> None:
    trial = Trial(bundle)
    assert wait_until(lambda: trial.passed(within_s=0), within_s=60, what="the trial")
    place_bundle(bundle, bundles.invert_risk)
    with pytest.raises(BrokenBundle, match=r"^The output `risk` of model.onnx is up to .* to make it anew\.$"):
        Trial(bundle).passed()


def test_a_trial_of_a_model_that_never_ends_holds_nobody_up(bundle: Path) -> None:
    place_bundle(bundle, bundles.loop_for_ever)
    trial = Trial(bundle)
    assert not trial.passed(within_s=0)
    trial.abandon()


def test_a_trial_of_a_model_that_never_ends_is_ended(bundle: Path) -> None:
    place_bundle(bundle, bundles.loop_for_ever)
    with pytest.raises(BrokenBundle, match="Loading the model took more than 10 s of a processor"):
        Trial(bundle).passed()


def test_a_card_with_more_keys_than_we_know_still_loads(bundle: Path) -> None:
    """So that, while a newer release is rolled out, a worker of this one can load its bundle."""
    edit_card(bundle, added_later={"coverage": 0.9})
    assert Scorer.load(bundle).version == Scorer.load(CHAMPION).version


def test_every_key_of_the_card_that_could_be_obscure_is_explained() -> None:
    plain = {"name", "threshold_rule", "fields", "metrics", "training", "licence", "limits"}
    assert all(info.description for name, info in Card.model_fields.items() if name not in plain | {"versions"})
