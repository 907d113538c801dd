"""Comparisons as chance makes them, for properties that must hold of every one."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

__all__ = ["NAMES", "comparisons"]

NAMES = (
    *("full", "freeze", "amp", "llrd:decay=0.8", "bitfit", "gradual", "freeze:last=2+amp", "lora:r=16"),
    *("checkpoint", "discriminative:body=1e-5", "compile+amp", "norms"),
)


@st.composite
def comparisons(draw: st.DrawFn, make_record: Callable[..., RunRecord], most: int = 12) -> list[RunRecord]:
    """Draw the runs of 2 to `most` strategies: near and far apart, with few and many seeds, some lost or in doubt."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    num_seeds, num_rows = draw(st.sampled_from([1, 2, 3, 3, 4, 6])), draw(st.sampled_from([60, 200, 600]))
    num_steps, noise = draw(st.sampled_from([6, 16])), draw(st.sampled_from([0.003, 0.03, 0.15]))
    spread, fair = draw(st.sampled_from([0.0, 0.1, 0.7])), draw(st.sampled_from([0.45, 0.7, 0.8]))
    loses, trouble = draw(st.sampled_from([0.0, 0.0, 0.15])), draw(st.sampled_from([0.0, 0.0, 0.1]))
    names = NAMES[: draw(st.integers(2, most))]
    arms = [
        {
            "step": math.exp(chance.gauss(0, spread)),
            "accuracy": min(0.97, max(0.05, chance.gauss(fair, chance.choice([0.005, 0.1])))),
            "memory": int(2**31 * math.exp(chance.gauss(0, spread))),
            "status": "oom" if chance.random() < trouble else "ok",
            "flags": ({"code": "throttled", "message": "hot"},) if chance.random() < trouble else (),
        }
        for _ in names
    ]
    return [
        _run(make_record, chance, name, noise, seed=seed, num_rows=num_rows, num_steps=num_steps, **arm)
        for seed in range(num_seeds)
        for name, arm in zip(names, arms, strict=True)
        if chance.random() >= loses
    ]


def _run(
    make_record: Callable[..., RunRecord],
    chance: random.Random,
    name: str,
    noise: float,
    *,
    step: float,
    memory: int,
    **more: Any,
) -> RunRecord:
    seconds, size = step * math.exp(chance.gauss(0, noise)), int(memory * math.exp(chance.gauss(0, noise / 20)))
    return make_record(name, step=seconds, memory=size, **more)
