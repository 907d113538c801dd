"""The strategies that come with bench, made once each."""

from __future__ import annotations

from bench.experiment import registry
from bench.experiment.spec import parse_strategy

ALL = {text: registry.load(parse_strategy(text)[0]) for text in registry.names()}
"""At their defaults, by name."""

WITH_OPTIONS = [
    registry.load(parse_strategy(text)[0])
    for text in (
        "freeze:last=2",
        "amp:dtype=bf16",
        "discriminative:body=1e-3:head=5e-3",
        "llrd:decay=0.5",
        "frozen:weights=int8",
        "frozen:weights=nf4",
    )
]
