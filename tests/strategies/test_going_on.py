"""Strategies whose optimizers and weights are not carried over like those of others, in runs that go on from a checkpoint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.going_on import Process, check_that_it_goes_on

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is not waited for."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "schedule_free",
            "galore:r=2",
            "apollo:r=2",
            "pure_bf16",
            "adamw8bit",
            "lion",
            "sgd",
            "swa",
            "seen_embeddings",
        ),
        *("dora", "pissa", "vera", "lora+lora_plus", "qlora", "prompt_tuning:tokens=3", "head_then_full", "chain_thaw"),
    ],
)
def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(tmp_path: Path, text: str) -> None:
    check_that_it_goes_on(text, tmp_path / "checkpoints" / "run.pt")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("adalora:init_r=4:target_r=2", "what the strategy does after each step may keep numbers of its own"),
        ("adamw8bit:by=torchao", "its optimizer keeps a OptimState8bit, which is no plain tensor or number"),
    ],
)
def test_what_cannot_be_carried_over_is_said_and_the_run_goes_on(tmp_path: Path, text: str, why: str) -> None:
    process = Process(text, tmp_path / "run.pt", every=0)
    assert len(process.train().losses) == process.schedule.num_steps
    assert process.said == [f"no checkpoint could be written: {why}"]
    assert [flag.code for flag in process.checkpoints.flags] == ["not-checkpointed"]
