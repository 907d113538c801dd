from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.training.forward.attention import watched
from bench.training.forward.choose import choose_forward
from bench.training.forward.kernel_trial import kernels_differ
from bench.training.forward.packed import PackedForward
from bench.training.forward.trial import TOLERANCES
from tests import gpu_kernels
from tests.gpu_kernels import as_on_a_gpu
from tests.training.forward.test_packed import EVERYTHING, FP32, SPLIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]


@pytest.mark.parametrize(("number", "what"), [(0, "queries"), (1, "keys"), (2, "values")])
def test_a_kernel_with_a_wrong_gradient_is_not_taken(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch, number: int, what: str
) -> None:
    right = gpu_kernels._KERNELS["_efficient_attention_backward"]

    def wrong(*args: Any, **options: Any) -> tuple[torch.Tensor, ...]:
        grads = list(right(*args, **options))
        is_of_rows = args[6] is None
        grads[number] *= 1.0 if is_of_rows else 1.01
        return tuple(grads)

    monkeypatch.setitem(gpu_kernels._KERNELS, "_efficient_attention_backward", wrong)
    model = classifier("Llama")
    with as_on_a_gpu():
        packed = PackedForward(model, model, various_lengths=True)
        with torch.no_grad(), watched() as asked:
            packed.logits(packed.batch(SPLIT, EVERYTHING))
        assert f"off by 0.01 of the largest in the gradients of {what}" in kernels_differ(asked, TOLERANCES)
        packed.close()
        chosen, _ = choose_forward(model, model, SPLIT, 0, FP32)
    assert isinstance(chosen, PackedForward)
    assert not chosen.various_lengths
