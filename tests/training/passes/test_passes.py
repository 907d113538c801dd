from __future__ import annotations

import ast
import re
from pathlib import Path

from bench.plan.train_plan import field_rules

TRAINING = Path(__file__).parents[3] / "bench" / "training"
PASSES = sorted((TRAINING / "passes").glob("*.py"))
ELSEWHERE = {"precision", "after_step", "seen_embeddings", "loss", "lr_schedule", "micro_batch_size"}
"""Fields without a pass: those of the numeric side of a step, of the loop and of the room of savings."""


def fields_read(file: Path) -> list[str]:
    """The fields that the first line of a pass names."""
    first = (ast.get_docstring(ast.parse(file.read_text())) or "").split(":")[0].split(", by way")[0]
    return re.findall(r"`(\w+)`", first) if first.startswith("Reads ") else []


def test_every_field_of_the_plan_is_read_by_one_pass() -> None:
    read = [name for file in PASSES for name in fields_read(file)]
    assert sorted([*read, *ELSEWHERE]) == sorted(field_rules())


def test_prepare_hands_each_field_to_the_pass_that_reads_it() -> None:
    handed = set(re.findall(r"(?<![.\w])plan\.(\w+)", (TRAINING / "prepare.py").read_text()))
    elsewhere = {"after_step", "loss", "lr", "lr_scale", "lr_schedule", "micro_batch_size"}
    beside_all_others = {"parallel"}  # which decide what can be shared
    assert handed == set(field_rules()) - elsewhere - beside_all_others
