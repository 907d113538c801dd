"""Shapes of well-known models, as configurations without weights that ship with `bench`.

The files hold what decides sizes and nothing else. They are written from what is published, and held to the number of
parameters that each model is published with.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

__all__ = ["SHAPES", "Shape", "shape_file"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A published model whose configuration ships here."""

    hub_id: str
    """Its configuration is https://huggingface.co/HUB_ID/blob/main/config.json."""
    licence: str
    """Of the weights, which are not here."""
    num_params: int
    """As published."""
    published_with: Literal["causal", "masked", "body"] = "causal"
    """Whether that counts the head of a model that continues text, that of one that fills gaps, or none."""


_LLAMA_3, _LLAMA_32 = "Llama 3 Community", "Llama 3.2 Community"
_QWEN_RESEARCH = "Qwen Research"

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "bert-base": Shape("google-bert/bert-base-uncased", "Apache-2.0", 109_482_240, "body"),
        "bert-large": Shape("google-bert/bert-large-uncased", "Apache-2.0", 335_141_888, "body"),
        "llama-3-8b": Shape("meta-llama/Meta-Llama-3-8B", _LLAMA_3, 8_030_261_248),
        "llama-3-70b": Shape("meta-llama/Meta-Llama-3-70B", _LLAMA_3, 70_553_706_496),
        "llama-3.2-1b": Shape("meta-llama/Llama-3.2-1B", _LLAMA_32, 1_235_814_400),
        "llama-3.2-3b": Shape("meta-llama/Llama-3.2-3B", _LLAMA_32, 3_212_749_824),
        "minilm-l6": Shape("sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0", 22_713_216, "body"),
        "mistral-7b": Shape("mistralai/Mistral-7B-v0.1", "Apache-2.0", 7_241_732_096),
        "modernbert-base": Shape("answerdotai/ModernBERT-base", "Apache-2.0", 149_655_232, "masked"),
        "modernbert-large": Shape("answerdotai/ModernBERT-large", "Apache-2.0", 395_881_664, "masked"),
        "qwen2.5-0.5b": Shape("Qwen/Qwen2.5-0.5B", "Apache-2.0", 494_032_768),
        "qwen2.5-1.5b": Shape("Qwen/Qwen2.5-1.5B", "Apache-2.0", 1_543_714_304),
        "qwen2.5-3b": Shape("Qwen/Qwen2.5-3B", _QWEN_RESEARCH, 3_085_938_688),
        "qwen2.5-7b": Shape("Qwen/Qwen2.5-7B", "Apache-2.0", 7_615_616_512),
        "smollm2-1.7b": Shape("HuggingFaceTB/SmolLM2-1.7B", "Apache-2.0", 1_711_376_384),
        "smollm2-135m": Shape("HuggingFaceTB/SmolLM2-135M-Instruct", "Apache-2.0", 134_515_008),
        "smollm2-360m": Shape("HuggingFaceTB/SmolLM2-360M", "Apache-2.0", 361_821_120),
    }
)
"""By short name; a preset among them is the model of that preset."""


def shape_file(name: str) -> Traversable:
    """Return the configuration of a model of `SHAPES`."""
    return files("bench.workload.models") / "configurations" / f"{name}.json"
