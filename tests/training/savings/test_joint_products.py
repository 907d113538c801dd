from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bench.training.savings.joint_products import apart, join_products
from bench.workload.toy import tiny_llama
from tests.applied import applied, train_ragged
from tests.gpu_kernels import as_on_a_gpu
from tests.launches import Launches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

QUICK = ("full", "lora:target=*_proj", "muon", "gradual", "only:match=*k_proj*")
SLOW = (
    *("freeze:last=2", "freeze:last=1+cached", "checkpoint", "adafactor", "galore:r=4", "adamw8bit"),
    *("schedule_free", "norm_only", "ema", "swa", "dora", "lora+lora_plus", "pissa", "vera", "adalora", "ia3"),
    *("lisa:layers=1", "llrd", "lion", "sgd", "apollo:r=4", "prompt_tuning", "accumulate:rows=3"),
    *("qlora", "frozen:weights=int8+lora", "head_then_full", "adapter:type=oft"),
)


def attention(classifier: Classifier, name: str = "Llama") -> torch.nn.Module:
    return classifier(name).base_model.layers[0].self_attn


@pytest.mark.parametrize("strategy", [*QUICK, *(pytest.param(strategy, marks=pytest.mark.slow) for strategy in SLOW)])
def test_a_strategy_trains_as_it_does_where_each_layer_is_a_product(strategy: str) -> None:
    width = 64 if "bit" in strategy else 16  # few bits are for weights of some size
    wanted = train_ragged(applied(strategy, tiny_llama(width=width)))
    with as_on_a_gpu():
        found = train_ragged(applied(strategy, tiny_llama(width=width)))
    assert found.losses == pytest.approx(wanted.losses, rel=1e-5 if strategy in QUICK else 1e-4)
    assert len(set(found.losses)) > 1


@pytest.mark.gpu
@pytest.mark.parametrize("strategy", QUICK)
def test_a_gpu_trains_as_a_cpu_does(strategy: str) -> None:
    wanted = train_ragged(applied(strategy))
    found = train_ragged(applied(strategy, device=torch.device("cuda")))
    assert found.losses == pytest.approx(wanted.losses, rel=1e-3)


@pytest.mark.parametrize("name", ["Qwen2", "Bert", "Mistral", "Gemma2"])
def test_an_architecture_trains_as_it_does_where_each_layer_is_a_product(classifier: Classifier, name: str) -> None:
    wanted = train_ragged(applied("full", classifier(name)))
    with as_on_a_gpu(), Launches() as launches:
        found = train_ragged(applied("full", classifier(name)))
    assert found.losses == pytest.approx(wanted.losses, rel=1e-5)
    assert launches.counts["aten.unsafe_split_with_sizes.default"] > 0


def test_parameters_stay_the_models_own_and_are_saved_as_they_were(classifier: Classifier, tmp_path: Path) -> None:
    model = classifier("Llama")
    params, before = dict(model.named_parameters()), {key: one.clone() for key, one in model.state_dict().items()}
    join_products(model)
    assert all(param is params[name] for name, param in model.named_parameters())
    weights = [getattr(model.model.layers[0].self_attn, f"{name}_proj").weight for name in "qkv"]
    assert len({weight.untyped_storage().data_ptr() for weight in weights}) == 1
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert again.state_dict().keys() == before.keys()
    for name, numbers in again.state_dict().items():
        assert torch.equal(numbers, before[name]), name


def test_each_part_gets_its_own_gradient_and_none_that_is_not_wanted(classifier: Classifier) -> None:
    joint, plain = attention(classifier, "Qwen2"), attention(classifier, "Qwen2")
    join_products(joint)
    inputs = torch.randn(1, 5, 16, generator=torch.Generator().manual_seed(0))
    for wanted in ({"q", "k", "v"}, {"v"}, set()):
        for module in (joint, plain):
            for name in "qkv":
                layer = getattr(module, f"{name}_proj")
                layer.weight.grad = layer.bias.grad = None
                layer.requires_grad_(name in wanted)
            given = inputs.clone().requires_grad_()
            outputs = [getattr(module, f"{name}_proj")(given) for name in "qkv"]
            outputs[0] += 1.0  # as an adapter may
            sum(number * (output**2).sum() for number, output in enumerate(outputs, 1)).backward()
            module.__dict__["found"] = [
                given.grad,
                *(
                    getattr(module, f"{name}_proj").get_parameter(kind).grad
                    for name in "qkv"
                    for kind in ("weight", "bias")
                ),
            ]
        for one, other in zip(joint.__dict__["found"], plain.__dict__["found"], strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                torch.testing.assert_close(one, other)


def test_what_is_called_apart_or_moved_is_multiplied_by_itself(classifier: Classifier) -> None:
    joint = attention(classifier)
    layers = [joint.q_proj, joint.k_proj, joint.v_proj]
    inputs, others = torch.randn(2, 1, 5, 16, generator=torch.Generator().manual_seed(0))
    wanted = [layer(inputs) for layer in layers]
    of_others = layers[2](others)
    join_products(joint)

    def num_products(run: Callable[[], list[torch.Tensor]], expected: list[torch.Tensor]) -> int:
        with Launches() as launches:
            found = run()
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
        return Counter(name for name in launches.counts.elements() if name == "aten.mm.default").total()

    assert num_products(lambda: [layer(inputs) for layer in layers], wanted) == 1
    assert (
        num_products(lambda: [layers[0](inputs), layers[1](inputs), layers[2](others)], [*wanted[:2], of_others]) == 2
    )
    assert num_products(lambda: [layer(inputs) for layer in reversed(layers)], wanted[::-1]) == 3
    with apart():
        assert num_products(lambda: [layer(inputs) for layer in layers], wanted) == 3
    layers[1].weight.data = layers[1].weight.data.clone()
    assert num_products(lambda: [layer(inputs) for layer in layers], wanted) == 3


def test_weights_that_another_module_shares_are_left_alone(classifier: Classifier) -> None:
    joint = attention(classifier)
    joint.v_proj.weight = joint.k_proj.weight
    join_products(joint)
    assert type(joint.q_proj) is torch.nn.Linear
