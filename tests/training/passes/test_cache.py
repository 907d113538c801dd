from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from bench.errors import Unsupported, UsageError
from bench.plan import TrainPlan, TransformStage, throughout
from bench.training.activation_cache import CacheDirectory
from bench.training.prepare import prepare
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES, tiny_llama
from tests.applied import CPU, RAGGED, applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.training.prepared import Prepared

    Prepare = Callable[..., Prepared]


@dataclass(frozen=True)
class Beside:
    """Adapters beside some modules, as libraries of them make them."""

    names: tuple[str, ...]
    stage: TransformStage = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        for name in self.names:
            model.set_submodule(name, Adapted(model.get_submodule(name)))
        return model


class Adapted(nn.Module):
    def __init__(self, base: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.base, self.scale = base, nn.Parameter(torch.rand(base.weight.shape[-1 if "Emb" in str(base) else 0]))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.base(inputs)
        return outputs * self.scale


def adapted(*names: str, cached: bool, cache_directory: CacheDirectory | None = None) -> Prepared:
    model = tiny_llama()
    plan = TrainPlan(phases=throughout(frozenset({"head"})), transforms=(Beside(names),), cache_prefix=cached)
    return prepare(
        model,
        view_of(model),
        plan,
        split=RAGGED,
        pad_token_id=0,
        rates=TOY_RATES,
        device=CPU,
        weight_decay=0.0,
        cache_directory=cache_directory,
    )


UP, Q = "model.layers.2.mlp.up_proj", "model.layers.3.self_attn.q_proj"


@pytest.mark.parametrize(("names", "num_layers"), [([Q], 3), ([UP, Q], 2), ([UP], 2)])
def test_layers_below_all_adapters_are_stored(names: list[str], num_layers: int) -> None:
    ready = adapted(*names, cached=True)
    found, wanted = train_ragged(ready), train_ragged(adapted(*names, cached=False))
    assert ready.batch(RAGGED, [0]).num_stored_layers == num_layers
    assert found.losses == pytest.approx(wanted.losses, rel=1e-6)


def test_adapters_that_leave_nothing_to_store_are_refused() -> None:
    with pytest.raises(UsageError, match="something trains in the lowest layer: keep adapters to the layers above"):
        adapted("model.layers.0.self_attn.q_proj", Q, cached=True)
    with pytest.raises(Unsupported, match="something in or below them trains: an adapter"):
        adapted("model.embed_tokens", cached=True)


def test_what_a_transform_did_is_not_shared(tmp_path: Path) -> None:
    shelf = CacheDirectory(tmp_path / "shelf", "one model")
    train_ragged(adapted(Q, cached=True, cache_directory=shelf))
    assert not list(tmp_path.rglob("hidden"))


def test_layers_that_are_stored_otherwise_have_a_cache_of_their_own(tmp_path: Path) -> None:
    shelf = CacheDirectory(tmp_path / "shelf", "one model")
    for number, spec in enumerate(["freeze+cached", "freeze+cached+frozen:weights=nf4", "freeze+cached"]):
        filled = train_ragged(applied(spec, cache_directory=shelf)).set_up.cache
        assert filled is not None
        assert filled.is_shared == (number == 2)


def test_layers_above_a_part_that_the_checkpoint_lacks_are_not_stored(prepared: Prepare) -> None:
    with pytest.raises(Unsupported, match="a part that the checkpoint lacks"):
        prepared("freeze+cached", fresh=["model.embed_tokens.weight"])
    lacking = ["model.layers.1.mlp.up_proj.weight"]
    ready = prepared("freeze+cached", fresh=lacking)
    found, wanted = train_ragged(ready), train_ragged(prepared("freeze", fresh=lacking))
    assert ready.batch(RAGGED, [0]).num_stored_layers == 1
    assert found.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert prepared("freeze:last=1+cached", fresh=["model.layers.3.mlp.up_proj.weight"]).cache is not None
