from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.training.forward.rows import RowsForward
from bench.workload.toy import toy_split

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

SPLIT = toy_split(4, shortest=2, longest=9)
EVERYTHING = [0, 1, 2, 3]


@pytest.mark.parametrize(("name", "has_mask"), [("Llama", False), ("GPT2", False), ("Bert", True)])
def test_a_causal_model_needs_no_mask_and_an_encoder_one_of_keys(
    classifier: Classifier, name: str, has_mask: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(name)
    seen: list[bool] = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def note(*args: object, attn_mask: torch.Tensor | None = None, **options: object) -> torch.Tensor:
        seen.append(attn_mask is not None)
        return attend(*args, attn_mask=attn_mask, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("bench.training.forward.attention.scaled_dot_product_attention", note)
    forward = RowsForward(model, model, 0, picks_early=name != "GPT2")
    forward.logits(forward.batch(SPLIT, EVERYTHING))
    assert seen == [has_mask] * forward.num_layers


def test_padding_is_computed_up_to_the_last_layer_and_no_further(classifier: Classifier) -> None:
    model = classifier("Llama").eval()
    shapes: list[torch.Size] = []
    for module in (model.model.layers[-1].mlp, model.model.norm, model.score):
        module.register_forward_pre_hook(lambda _module, args: shapes.append(args[0].shape))
    forward = RowsForward(model, model, 0)
    batch = forward.batch(SPLIT, EVERYTHING)
    forward.logits(batch)
    assert shapes == [(4, int(SPLIT.lengths.max()), 16), (4, 1, 16), (4, 1, 16)]
    assert batch.lengths.tolist() == SPLIT.lengths[:, None].tolist()
