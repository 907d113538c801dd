"""The door to every type of adapter that peft has."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from bench.beside.strategies._peft import types
from bench.beside.strategies.adapter import Adapter

from bench.errors import UnknownName, Unsupported, UsageError
from bench.workload.models.layers import view_of
from tests.strategies.tiny import MODELS, losses_of, losses_of_peft, prepared

if TYPE_CHECKING:
    from bench.plan import Strategy

SMALL = {"c3a": (("block_size", "16"),), "vblora": (("num_vectors", "16"), ("vector_length", "16"))}
"""Options of types whose default is for wide models alone."""

WITHOUT_CONV1D = {
    "adamss",
    "beft",
    "boft",
    "c3a",
    "delora",
    "glora",
    "hra",
    "lily",
    "loha",
    "lokr",
    "miss",
    "oft",
    "olora",
    "osf",
    "peanut",
    "psoft",
    "road",
    "shira",
    "supertuning",
}
"""What peft has for linear layers alone, and not for those of GPT-2."""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("kind", types())
def test_every_type_trains_or_is_refused_in_words(kind: str, model: str) -> None:
    strategy = Adapter(type=kind, options=SMALL.get(kind, ()))
    if model == "gpt2" and kind in WITHOUT_CONV1D:
        with pytest.raises(Unsupported, match=kind):
            prepared(strategy, model=MODELS[model]())
    elif (kind, model) == ("ln_tuning", "bert"):
        with pytest.raises(Unsupported, match="peft does not know where in a bert ln_tuning belongs: say it with"):
            prepared(strategy, model=MODELS[model]())
    else:
        ready = prepared(strategy, model=MODELS[model]())
        before = {name: param.detach().clone() for name, param in ready.model.named_parameters()}
        assert all(map(math.isfinite, losses_of(ready, num_steps=2)))
        moved = {name for name, param in ready.model.named_parameters() if not before[name].equal(param.detach())}
        assert any(re.search("score|classifier", name) for name in moved)
        assert any(not re.search("score|classifier", name) for name in moved)
        assert ready.why_padded is None


def test_it_learns_as_in_a_loop_of_peft_alone() -> None:
    expected = losses_of_peft(peft_type="OFT", oft_block_size=16, use_cayley_neumann=False)
    options = (("oft_block_size", "16"), ("use_cayley_neumann", "false"))
    assert losses_of(prepared(Adapter(type="oft", options=options))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({"type": "lor"}, "unknown type of adapter 'lor'. Did you mean lora"),
        ({"type": "prefix_tuning"}, "adapter:type=prefix_tuning cannot be compared: .*: use prompt_tuning"),
        ({"type": "xlora"}, "adapter:type=xlora cannot be compared: it mixes adapters that are trained already"),
        ({"type": "adalora"}, "strategy of its own"),
        ({"options": (("rr", "8"),)}, "unknown option of adapter:type=lora 'rr'"),
        ({"type": "loha", "options": (("rank_drop", "0"),)}, "Did you mean rank_dropout"),
        ({"type": "loha", "options": (("r", "eight"),)}, "adapter:type=loha:r=eight cannot be read: int expected"),
        ({"options": (("bias", "all"),)}, "unknown option"),
        ({"options": (("init_lora_weights", "eva"),)}, "it looks at rows before training"),
        (
            {"type": "road", "options": (("variant", "road_3"),)},
            "unknown value of adapter:type=road:variant .road_3.. Did you mean road_",
        ),
        (
            {"type": "oft", "options": (("r", "2"),)},
            "adapter:type=oft cannot be made: .* either r .2. or oft_block_size",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_any_model_is_loaded(strategy: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Adapter(**strategy)


def test_layers_and_targets_that_do_not_exist_are_named() -> None:
    with pytest.raises(UnknownName, match=r"unknown target of loha 'q_pro'. Did you mean q_proj\?"):
        prepared(Adapter(type="loha", target=("v_proj", "q_pro")))
    with pytest.raises(UsageError, match="loha: last=3 cannot be: the model has 2 layers, so last is 1 to 2"):
        prepared(Adapter(type="loha", last=3))


def test_options_are_values() -> None:
    options = (("alpha_pattern", "q_proj=4/v_proj=2"), ("rank_pattern", "q_proj=2"))
    strategy: Strategy = Adapter(type="loha", options=options)
    assert hash(strategy) == hash(Adapter(type="loha", options=options))
    ready = prepared(strategy)
    (transform,) = ready.plan.transforms
    assert hash(transform)
    ranks = {param.shape[-1] for name, param in ready.model.named_parameters() if "hada_w1_a" in name}
    assert ranks == {2, 8}


@pytest.mark.parametrize("kind", types())
def test_weights_stay_as_they_were_loaded_or_the_adapter_says_so(kind: str) -> None:
    model = MODELS["llama"]()
    before = {name: (param, param.detach().clone()) for name, param in model.named_parameters()}
    (adapter,) = Adapter(type=kind, options=SMALL.get(kind, ())).edit(view_of(model))["transforms"]
    adapted = adapter(model)
    assert {id(param) for param, _ in before.values()} <= {id(param) for param in adapted.parameters()}
    changed = [name for name, (param, old) in before.items() if not param.detach().equal(old)]
    assert adapter.rewrites_weights == bool(changed)
