"""A comparison as wide as the registry: about sixty strategies of all families, some skipped, failed or in doubt."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.records.record import RunRecord

__all__ = ["FAMILIES", "UNFINISHED", "many_records", "names_of_many"]

FAMILIES: dict[str, tuple[dict[str, str], tuple[float, int, float], str]] = {
    "What trains": (
        {"phases": "only the head and the last layers train"},
        (0.45, 320, 0.7),
        "full freeze freeze:last=1 freeze:last=2 freeze:last=4 bitfit norm_only chain_thaw gradual head_then_full lisa only:match=*attention*",
    ),
    "Adapters and prompts": (
        {"phases": "of the model itself, only the head trains", "transforms": "products of two matrices beside 12 layers"},
        (0.7, 380, 0.68),
        ("lora lora:r=16 lora:r=64+lora_plus dora rslora pissa vera ia3 adalora qlora prompt_tuning adapter:type=oft adapter:type=boft "
        "adapter:type=loha adapter:type=lokr adapter:type=hra adapter:type=fourierft adapter:type=randlora lora:r=16+amp:dtype=bf16"),
    ),
    "Precision": (
        {"precision": "matrix products in bf16"},
        (0.8, 480, 0.76),
        "amp amp:dtype=bf16 pure_bf16 freeze:last=2+frozen:weights=int8 freeze:last=2+frozen:weights=nf4",
    ),
    "Learning rates, optimizers, losses": (
        {"optimizer": "another than AdamW"},
        (1.02, 520, 0.76),
        ("llrd:decay=0.8 discriminative sgd adafactor lion muon schedule_free galore:rank=8 apollo adamw8bit label_smoothing ema "
        "swa neftune discriminative:body=1e-5:head=5e-5+ema"),
    ),
    "Memory and time": (
        {"checkpoint": "activations of every layer are computed twice"},
        (1.2, 360, 0.77),
        "checkpoint checkpoint:every=2 compile seen_embeddings freeze+cached freeze:last=2+cached compile+llrd:decay=0.9+amp:dtype=bf16",
    ),
    "Other": ({"spectral_dance": "a plug-in that is not installed here"}, (0.9, 500, 0.7), "spectral_dance"),
}  # fmt: skip
"""By family: what its records say of their plans, seconds of a step, MiB and accuracy near which they are, and its strategies."""

UNFINISHED = {
    "amp": ("skipped", "this processor only emulates bf16; ask for it: amp:dtype=bf16"),
    "qlora": ("skipped", "bitsandbytes has no nf4 kernel for this processor"),
    "adapter:type=boft": ("skipped", "peft needs a compiler for boft, and none is installed"),
    "adamw8bit": ("failed", "RuntimeError: expected a contiguous tensor"),
    "apollo": ("diverged", "the loss became NaN at step 7"),
}
_DOUBTED = {"sgd": "chance-accuracy", "adapter:type=hra": "throttled"}


def names_of_many(num: int = 60) -> list[str]:
    """Return as many names, in the order in which they were asked for; more than there are get others of a rank."""
    names = [name for _, _, listed in FAMILIES.values() for name in listed.split()]
    names += [f"lora:r={rank}" for rank in range(2, 2 + max(0, num - len(names)))]
    return names[:num]


def many_records(
    make_record: Callable[..., RunRecord], *, num: int = 60, num_seeds: int = 1, **more: Any
) -> list[RunRecord]:
    """Make the runs; `more` as in `make_record`."""
    return [record for seed in range(num_seeds) for record in _of_seed(make_record, names_of_many(num), seed, more)]


def _of_seed(
    make_record: Callable[..., RunRecord], names: list[str], seed: int, more: dict[str, Any]
) -> Iterator[RunRecord]:
    by_name = {name: family for family, (_, _, listed) in FAMILIES.items() for name in listed.split()}
    for name in names:
        changes, (step, mib, accuracy), _ = FAMILIES[by_name.get(name, "Adapters and prompts")]
        own, noise = random.Random(name), random.Random(f"{name} {seed}")
        effort = 1.5 if name == "full" else own.random()  # what costs more learns more, on the whole
        if name in UNFINISHED:
            status, reason = UNFINISHED[name]
            yield make_record(name, seed=seed, status=status, reason=reason, **more)
            continue
        code = _DOUBTED.get(name)
        yield make_record(
            name,
            seed=seed,
            step=0.1 * step * (0.5 + effort) * own.uniform(0.9, 1.1) * noise.uniform(0.99, 1.01),
            memory=int(mib * 2**20 * (0.7 + effort / 2) * own.uniform(0.9, 1.1) * noise.uniform(0.998, 1.002)),
            accuracy=min(0.95, accuracy - 0.05 + effort / 8 + own.gauss(0, 0.02)),
            changes={} if name == "full" else changes,
            flags=({"code": code, "message": "as found in this run"},) if code else (),
            **more,
        )
