"""What the fault suite strikes and counts with: bundles that must not be served, and the window of a lost master."""

import hashlib
import json
import shutil
import time
from pathlib import Path

import numpy as np

from bench.local.programs import ROOT
from core.ids import new_id
from core.settings import Settings
from models.card import CARD_FILE, MODEL_FILE
from models.features import to_matrix
from models.runtime import onnxruntime
from models.scorer import Scorer
from tests.faults.bundles import damaged_models, put_back, put_in_place
from tests.faults.loss import Window, is_in_window, made_ms
from tests.patients import ROW

SOUND = ROOT / Settings().bundle


def test_each_damaged_model_loads_and_says_something_else() -> None:
    matrix = to_matrix([ROW, ROW])
    risk = Scorer.load(SOUND).risk(matrix)
    wide, inverted, doubled = (
        onnxruntime.InferenceSession(model).run(["risk"], {"patients": matrix})[0]
        for model in damaged_models((SOUND / MODEL_FILE).read_bytes())
    )
    assert wide.shape == (2, 1)
    np.testing.assert_allclose(inverted, 1 - risk, atol=1e-8)
    np.testing.assert_allclose(doubled, 2 * risk, atol=1e-8)


def test_a_damaged_bundle_is_true_to_its_hash_and_the_sound_one_comes_back_whole(tmp_path: Path) -> None:
    bundle = shutil.copytree(SOUND, tmp_path / "bundle")
    for model in damaged_models((SOUND / MODEL_FILE).read_bytes()):
        put_in_place(bundle, model)
        card, sha256 = json.loads((bundle / CARD_FILE).read_text()), hashlib.sha256(model).hexdigest()
        assert (bundle / MODEL_FILE).read_bytes() == model
        assert card["model_sha256"] == sha256
        assert card["version"].endswith(f"+{sha256[:8]}")
    put_back(bundle, SOUND)
    assert {place.name: place.read_bytes() for place in bundle.iterdir()} == {
        place.name: place.read_bytes() for place in SOUND.iterdir()
    }


def test_only_what_was_made_just_before_a_master_died_may_be_lost_with_it() -> None:
    now_ms = made_ms(new_id())
    assert abs(now_ms - 1000 * time.time()) < 60_000
    window = Window(now_ms + 10, now_ms + 20)
    assert is_in_window(now_ms + 12, now_ms + 15, [window])
    assert is_in_window(now_ms, now_ms + 11, [window])  # made before, and perhaps written within
    assert is_in_window(now_ms + 15, now_ms + 30, [window])  # its answer came after the master's death
    assert not is_in_window(now_ms, now_ms + 9, [window])
    assert not is_in_window(now_ms + 21, now_ms + 30, [window])
    assert not is_in_window(now_ms, now_ms, [])
