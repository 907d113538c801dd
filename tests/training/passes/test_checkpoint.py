from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.applied import EXACT, RAGGED, applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

ARCHITECTURES = ["Llama", "Qwen2", "Bert", "GPT2"]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("every", [1, 2])
def test_checkpoint_equals_full(classifier: Classifier, name: str, every: int, device: torch.device) -> None:
    wanted = train_ragged(applied("full", classifier(name), device=device))
    found = train_ragged(applied(f"checkpoint:every={every}", classifier(name), device=device))
    assert found.losses == pytest.approx(wanted.losses, rel=EXACT[device.type])


def test_checkpointing_keeps_fewer_activations(classifier: Classifier) -> None:
    def kept(text: str) -> int:
        saved: dict[int, int] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        prepared = applied(text, classifier("Llama"))
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            prepared.logits(prepared.batch(RAGGED, list(range(len(RAGGED)))))
        return sum(saved.values())

    assert kept("checkpoint") < 0.5 * kept("full")
    assert kept("checkpoint") < kept("checkpoint:every=2") < kept("full")
