"""What is kept of a run."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from bench.testing.models import fresh_model
from bench.testing.run import SPLIT
from bench.training.forward.padded import collate
from bench.training.passes.weights import store_weights
from bench.training.precision import is_mixed
from bench.worker.saving import CONFIG, save
from bench.workload.models.quiet import quiet
from bench.workload.toy import toy_tokenizer

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from bench.testing.run import Run
    from bench.testing.subject import Subject

__all__ = ["reloads_as_it_was"]

TOLERANCES = {True: 1e-5, False: 5e-2}
"""Relative to the largest logit: where all is in fp32, and where something is not."""


def reloads_as_it_was(subject: Subject) -> None:
    """What is saved gives the logits of what was trained, once it is loaded as users load models."""
    run = subject.take()
    prepared = run.prepared
    prepared.forward.close()
    with prepared.evaluating():
        wanted = _logits(run, prepared.model)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(action="ignore"), quiet():
        directory = Path(name) / "kept"
        save(
            prepared,
            directory,
            base=subject.model_name,
            reload=lambda: _base(subject, run),
            tokenizer=toy_tokenizer(),
            split=SPLIT,
        )
        found = _logits(run, _loaded(subject, run, directory).eval())
    is_exact = (run.plan.precision, run.plan.weights, run.plan.frozen_weights) == ("fp32", "fp32", None)
    difference = float((found - wanted).abs().max() / wanted.abs().max())
    assert difference <= TOLERANCES[is_exact], (
        f"{subject.name} is saved as a model whose logits are another's: they differ by {difference:.1g} of the largest"
    )


def _base(subject: Subject, run: Run) -> PreTrainedModel:
    """Load the model once more, stored as the plan says."""
    model, plan = fresh_model(subject.model_name), run.plan
    store_weights(
        model,
        subject.view.params_of(*plan.phases.ever()),
        weights=plan.weights,
        frozen_weights=plan.frozen_weights,
        precision=run.prepared.precision.dtype,
        device=torch.device("cpu"),
    )
    return model


def _loaded(subject: Subject, run: Run, directory: Path) -> nn.Module:
    if (directory / CONFIG).exists():
        from peft import PeftModel  # noqa: PLC0415  (where there are adapters alone)

        return cast("nn.Module", PeftModel.from_pretrained(_base(subject, run), directory))
    model: nn.Module = type(fresh_model(subject.model_name)).from_pretrained(directory)
    return model


@torch.no_grad()
def _logits(run: Run, model: nn.Module) -> torch.Tensor:
    with run.prepared.precision.forward() if is_mixed(model) else nullcontext():
        logits: torch.Tensor = model(**collate(SPLIT, range(8), 0).inputs).logits
    return logits.float()
