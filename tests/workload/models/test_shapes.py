from __future__ import annotations

from importlib.resources import files

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

from bench.workload.models.configuration import configuration_of
from bench.workload.models.load import load_config
from bench.workload.models.shapes import SHAPES
from bench.workload.presets import MODELS

FACTORIES = {"body": AutoModel, "masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}
NO_SIZE = {
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "classifier_pooling",
    "dtype",
    "eos_token_id",
    "rms_norm_eps",
    "unk_token_id",
}
"""What an export from GGUF says otherwise, none of which is the size of anything."""


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_as_many_parameters_as_are_published(name: str) -> None:
    shape = SHAPES[name]
    with torch.device("meta"):
        model = FACTORIES[shape.published_with].from_config(configuration_of(name))
    assert sum(param.numel() for param in model.parameters()) == shape.num_params


def test_every_file_has_an_entry_and_every_preset_a_file() -> None:
    found = {file.name.removesuffix(".json") for file in (files("bench.workload.models") / "configurations").iterdir()}
    assert found == set(SHAPES)
    assert set(MODELS) <= found
    assert all(MODELS[name].num_params == SHAPES[name].num_params for name in MODELS)


@pytest.mark.assets
@pytest.mark.parametrize("name", MODELS)
def test_a_preset_is_the_model_of_its_shape(name: str) -> None:
    mine, real = configuration_of(name).to_dict(), load_config(name).to_dict()
    plain = type(AutoConfig.for_model(mine["model_type"]))().to_dict()
    differing = {key for key in plain if mine[key] != real[key]} - NO_SIZE
    assert differing == set()
