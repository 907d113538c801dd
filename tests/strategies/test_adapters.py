"""Where adapters stand, and how many parameters they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from bench.beside.strategies._peft import VARIANTS, make_config, types
from bench.beside.strategies.adapter import Adapter
from bench.beside.strategies.amp import Amp
from bench.beside.strategies.checkpoint import Checkpoint
from bench.beside.strategies.compile import Compile
from bench.beside.strategies.dora import Dora
from bench.beside.strategies.ia3 import Ia3
from bench.beside.strategies.llrd import Llrd
from bench.beside.strategies.lora import Lora
from bench.beside.strategies.rslora import Rslora
from bench.beside.strategies.vera import Vera
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedModel,
)

from bench.errors import Unsupported, UsageError
from bench.plan import Layer, Linear, ModelView, Param
from bench.plan.quiet import quietly
from bench.workload.models.configuration import configuration_of
from bench.workload.models.layers import view_of
from tests.strategies.tiny import gpt2, llama, losses_of, prepared

if TYPE_CHECKING:
    from bench.plan import Strategy

WITH_VALUES = {"adamss", "frod", "olora", "pissa", "shira"}
"""Types that look at weights as they begin, which a model without weights does not have."""

ON_Q_AND_V = ("q_proj", "v_proj")
ON_THE_MLP = ("gate_proj", "up_proj", "down_proj")


def adapter(kind: str, target: tuple[str, ...] = (), **options: int | str) -> Adapter:
    return Adapter(type=kind, target=target, options=tuple((name, str(value)) for name, value in options.items()))


COUNTS = [
    (Lora(r=32), 9_175_040),
    (Dora(r=32), 9_289_728),
    (Lora(r=64), 18_350_080),
    (Vera(), 129_024),
    (Ia3(), 286_720),
    (Lora(r=10, target=ON_THE_MLP), 9_461_760),
    (Rslora(r=64), 18_350_080),
    (adapter("beft"), 28_672),
    (adapter("c3a", ON_Q_AND_V, block_size=64), 5_505_024),
    (adapter("delora", r=32), 9_175_096),
    (adapter("glora"), 4_587_520),
    (adapter("gralora", r=32, gralora_k=2), 9_175_040),
    (adapter("hira", ON_Q_AND_V, r=32), 9_175_040),
    (adapter("ln_tuning"), 175_104),
    (adapter("loha", ON_Q_AND_V, r=32), 18_350_080),
    (adapter("miss", r=64), 7_340_032),
    (adapter("oft", ON_Q_AND_V, r=32, oft_block_size=0), 8_171_520),
    (adapter("pvera", r=256), 143_360),
    (adapter("randlora", r=32), 9_289_728),
    (adapter("road", group_size=64, variant="road_2"), 229_376),
    (adapter("tinylora"), 3_584),
    (adapter("unilora"), 256),
    (adapter("vblora", ON_Q_AND_V, r=4, num_vectors=256, vector_length=256, topk=2), 1_212_416),
    pytest.param(adapter("boft", boft_block_size=4, boft_n_butterfly_factor=1), 802_816, marks=pytest.mark.slow),
    pytest.param(adapter("fourierft", ON_Q_AND_V, n_frequency=5000), 280_000, marks=pytest.mark.slow),
    pytest.param(adapter("waveft", ON_Q_AND_V, n_frequency=5000), 280_000, marks=pytest.mark.slow),
]
"""As peft publishes them of its own comparison: method_comparison/MetaMathQA/results in its repository, at 5d602fd."""


def llama_3b() -> nn.Module:
    """Build Llama 3.2 3B without weights."""
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(configuration_of("llama-3.2-3b"))


def view_without_weights(model: nn.Module) -> ModelView:
    """View a Llama whose layers cannot be found by running it."""
    starts = ("model.embed_tokens.", *(f"model.layers.{number}." for number in range(28)), "score.")
    params: dict[str, list[Param]] = {start: [] for start in starts}
    for name, param in model.named_parameters():
        start = next((start for start in starts if name.startswith(start)), starts[-2])  # of the final norm
        params[start].append(Param(name, frozenset({"norm" if "norm" in name else "weight"}), tuple(param.shape)))
    linears = [
        Linear(name, next(start for start in starts if name.startswith(start)), tuple(module.weight.shape))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name != "score"
    ]
    layers = tuple(Layer(start, tuple(inside)) for start, inside in params.items())
    return ModelView(layers, tuple(linears), model_type="llama")


def count(strategy: Strategy, model: nn.Module, view: ModelView) -> int:
    """Count what an adapter adds to a model that trains."""
    before = set(model.parameters())
    (adapter,) = strategy.edit(view)["transforms"]
    return sum(one.numel() for one in adapter(model).parameters() if one.requires_grad and one not in before)


def count_of_peft(kind: str, model: nn.Module, **options: Any) -> int:
    with quietly():
        import peft  # noqa: PLC0415  (which would talk as the tests are collected)

        number, _ = peft.get_peft_model(model, make_config(kind, options)).get_nb_trainable_parameters()
        return int(number)


@pytest.mark.parametrize(("strategy", "expected"), COUNTS)
def test_adapters_of_llama_3b_have_as_many_parameters_as_are_published(strategy: Strategy, expected: int) -> None:
    model = llama_3b()
    assert count(strategy, model, view_without_weights(model)) == expected


@pytest.mark.parametrize("kind", sorted({*types(), *VARIANTS} - WITH_VALUES))
def test_every_type_has_as_many_parameters_as_in_peft_alone(kind: str, record_property: Any) -> None:
    options = {"layers_to_transform": [27]} if hasattr(make_config(kind, {}), "layers_to_transform") else {}
    model = llama_3b()
    found = count(Adapter(type=kind, last=1 if options else None), model, view_without_weights(model))
    record_property("parameters", found)
    assert found == count_of_peft(kind, llama_3b(), **options)


@pytest.mark.parametrize("kind", sorted(WITH_VALUES))
def test_types_that_look_at_weights_have_as_many_parameters_as_in_peft_alone(kind: str) -> None:
    model = llama()
    assert count(Adapter(type=kind), model, view_of(model)) == count_of_peft(kind, llama())


def test_targets_are_names_ends_or_patterns() -> None:
    def adapted(*target: str, last: int | None = None) -> list[str]:
        ready = prepared(Lora(target=target, last=last))
        return [name for name, module in ready.model.named_modules() if hasattr(module, "lora_A")]

    start = "base_model.model.model.layers"
    assert adapted("k_proj") == [f"{start}.{number}.self_attn.k_proj" for number in range(2)]
    assert adapted("k_proj", "mlp.up_proj", last=1) == [f"{start}.1.self_attn.k_proj", f"{start}.1.mlp.up_proj"]
    assert adapted("model.layers.0.mlp.down_proj") == [f"{start}.0.mlp.down_proj"]
    assert len(adapted("*")) == 14
    assert len(adapted("self_attn.*")) == 8
    assert adapted(last=1) == [f"{start}.1.self_attn.{name}" for name in ("q_proj", "v_proj")]


def distilbert() -> PreTrainedModel:
    """Build a model of a type for which peft has no targets."""
    sizes = {"vocab_size": 64, "dim": 64, "hidden_dim": 128, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 64}
    return DistilBertForSequenceClassification(DistilBertConfig(**sizes))


def test_where_peft_knows_no_targets_every_linear_layer_of_the_body_is_adapted() -> None:
    ready = prepared(Lora(), model=distilbert())
    assert sum(hasattr(module, "lora_A") for module in ready.model.modules()) == 12


@pytest.mark.parametrize(
    ("strategy", "model", "words"),
    [
        (Ia3(), distilbert, "peft does not know where in a distilbert IA3 belongs: say it with target"),
        (Ia3(target=("q_lin",)), distilbert, "peft has no IA3 for this model: Please specify `feedforward_modules`"),
        (Adapter(type="loha"), gpt2, "peft has no loha for this model: Target module of type .*Conv1D"),
        (Adapter(type="osf"), gpt2, "peft's osf has no parameters for GPT2"),
    ],
)
def test_what_peft_refuses_is_refused_in_words(strategy: Strategy, model: Any, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        prepared(strategy, model=model())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"r": 0}, "lora:r=0 cannot be: it is 1 or more"),
        ({"dropout": 1.0}, "lora:dropout=1 cannot be: it is a share of 0 to below 1"),
    ],
)
def test_options_that_make_no_adapter_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Lora(**options)


@pytest.mark.parametrize("others", [[Amp("bf16")], [Checkpoint()], [Llrd()], [Amp("bf16"), Checkpoint(), Llrd()]])
@pytest.mark.parametrize("strategy", [Lora(), Dora(), Vera(r=8), Ia3()])
def test_they_compose(strategy: Strategy, others: list[Strategy]) -> None:
    precise = not any(isinstance(other, Amp) for other in others)
    alone = losses_of(prepared(strategy), num_steps=3)
    assert losses_of(prepared(strategy, *others), num_steps=3) == pytest.approx(alone, rel=1e-5 if precise else 0.02)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("untraced")
@pytest.mark.slow
@pytest.mark.parametrize("strategy", [Lora(), Ia3(), Vera(r=8)])
def test_they_learn_the_same_compiled(strategy: Strategy) -> None:
    eager = losses_of(prepared(strategy), num_steps=2)
    assert losses_of(prepared(strategy, Compile()), num_steps=2) == pytest.approx(eager, rel=1e-5)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("strategy", [Dora(), Adapter(type="lokr"), Adapter(type="loha")])
def test_what_torch_cannot_compile_is_refused_in_words(strategy: Strategy) -> None:
    with pytest.raises(Unsupported, match="torch cannot compile LlamaDecoderLayer as a whole: "):
        losses_of(prepared(strategy, Compile()), num_steps=1)
