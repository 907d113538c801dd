from __future__ import annotations

import pytest
import torch

from bench.errors import Unsupported
from bench.training.precision import resolve_dtype
from bench.training.savings.onednn_linear import is_by_onednn
from bench.training.target import Target, aiming_at, kind_of, target

CPU = torch.device("cpu")
OLD_GPU = Target(kind="cuda", name="Tesla T4", has_native_bf16=False)


def test_a_device_stands_for_itself_but_where_it_is_to_stand_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": "AMD EPYC", "avx512_f": True})
    assert (kind_of(CPU), target(CPU).has_native_bf16, is_by_onednn(torch.float32, CPU)) == ("cpu", False, True)
    with pytest.raises(Unsupported, match="this CPU has no native bf16"):
        resolve_dtype("amp", CPU)
    with aiming_at(OLD_GPU):
        assert (kind_of(CPU), target(CPU), is_by_onednn(torch.float32, CPU)) == ("cuda", OLD_GPU, False)
        assert resolve_dtype("amp", CPU) == torch.float16
        with pytest.raises(Unsupported, match="Tesla T4 has no native bf16"):
            resolve_dtype("bf16", CPU)
    assert kind_of(CPU) == "cpu"
