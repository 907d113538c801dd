from __future__ import annotations

import pytest
import torch
from bench.beside.strategies._ranks import KeptOrthogonal
from bench.beside.strategies.adalora import Adalora
from torch.nn.functional import cross_entropy

from tests.strategies.tiny import prepared


def test_the_term_is_the_mean_distance_of_factors_from_orthogonal_ones() -> None:
    model = prepared(Adalora(init_r=2, target_r=2)).model
    logits, targets = torch.tensor([[0.3, -0.1]]), torch.tensor([1])
    plain = float(cross_entropy(logits, targets))
    factors = {name: param for name, param in model.named_parameters() if "lora_A" in name or "lora_B" in name}
    assert len(factors) == 8
    with torch.no_grad():
        for name, param in factors.items():
            eye = torch.eye(*param.shape)  # whose rows, or columns, are orthogonal
            param.copy_(2 * eye if "lora_A" in name else eye)
        # 2 on the diagonal of A gives 4 in A Aᵀ: both directions are 3 from the identity; B is 0 from it.
        expected = plain + 0.5 * (4 * (2 * 3**2) ** 0.5) / 8
        assert float(KeptOrthogonal(0.5)(logits, targets, model)) == pytest.approx(expected)
