from __future__ import annotations

import math

import pytest
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.qlora import Qlora

from tests.strategies.tiny import losses_of, prepared

pytest.importorskip("bitsandbytes")


def test_what_is_frozen_is_in_four_bits_and_learns_nearly_as_lora() -> None:
    ready = prepared(Qlora(r=4))
    frozen = [param for name, param in ready.model.named_parameters() if name.endswith("up_proj.weight")]
    assert {param.element_size() * param.numel() for param in frozen} == {128 * 64 // 2}
    losses, full = losses_of(ready), losses_of(prepared(Lora(r=4)))
    assert all(map(math.isfinite, losses))
    assert losses == pytest.approx(full, rel=0.3)
    assert losses != pytest.approx(full, rel=1e-5)
