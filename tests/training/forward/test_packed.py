from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from bench.errors import Unsupported
from bench.training.forward import various_lengths
from bench.training.forward.attention import NAME
from bench.training.forward.choose import choose_forward
from bench.training.forward.packed import GRAIN, PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.precision import Precision
from bench.workload.data.dataset import Split
from bench.workload.toy import toy_split
from tests.gpu_kernels import as_on_a_gpu
from tests.launches import Launches

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.experiment.ways import Way
    from bench.training.forward.base import Forward

    Classifier = Callable[..., PreTrainedModel]

SPLIT = toy_split(16, longest=20)
FP32 = Precision(torch.float32, torch.device("cpu"))
EVERYTHING = list(range(len(SPLIT)))
PACKABLE = [
    "Llama",
    "Qwen2",
    "Mistral",
    "Gemma2",
    "Bert",
    "Roberta",
    "Electra",
    "DistilBert",
    "GPT2",
    "OPT",
    "ModernBert",
]


def gradients(model: PreTrainedModel, forward: Forward, rows: list[int]) -> dict[str, torch.Tensor]:
    model.zero_grad()
    batch = forward.batch(SPLIT, rows).to(model.device)
    cross_entropy(forward.logits(batch), batch.targets).backward()
    return {name: param.grad.clone() for name, param in model.named_parameters() if param.grad is not None}


def assert_same_gradients(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    scale = max(float(gradient.abs().max()) for gradient in wanted.values())
    for key, gradient in wanted.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-4, atol=1e-6 * scale, msg=key)


@pytest.mark.parametrize("name", PACKABLE)
@pytest.mark.parametrize(
    "rows",
    [EVERYTHING, [3], [int(SPLIT.lengths.argmin()), int(SPLIT.lengths.argmax())]],
    ids=["ragged", "one", "short+long"],
)
def test_every_way_answers_and_learns_like_the_plain_one(
    classifier: Classifier, name: str, rows: list[int], device: torch.device
) -> None:
    model = classifier(name).to(device)
    plain = PaddedForward(model, 0)
    wanted, wanted_gradients = plain.logits(plain.batch(SPLIT, rows).to(device)), gradients(model, plain, rows)
    num_tokens = int(SPLIT.lengths[rows].sum())
    num_padded = len(rows) * int(SPLIT.lengths[rows].max())
    num_packed = num_tokens + (-num_tokens % GRAIN if device.type == "cuda" else 0)
    own = model.config._attn_implementation
    for way, attention, num_computed in (
        (None, NAME, num_packed),
        ("packed-spread", NAME, num_packed),
        ("rows", NAME, num_padded),
        ("padded", own, num_padded),
    ):
        forward, why_not = choose_forward(
            model, model, SPLIT, 0, Precision(torch.float32, device), way=way, forced=way is not None
        )
        assert why_not is None
        assert model.config._attn_implementation == attention
        batch = forward.batch(SPLIT, rows).to(device)
        assert (batch.num_tokens, batch.num_computed) == (num_tokens, num_computed)
        torch.testing.assert_close(forward.logits(batch), wanted, rtol=1e-5, atol=1e-6)
        assert_same_gradients(gradients(model, forward, rows), wanted_gradients)
        forward.close()


@pytest.mark.parametrize("name", PACKABLE)
@pytest.mark.parametrize("rows", [EVERYTHING, [3]], ids=["ragged", "one"])
def test_what_fills_a_pack_up_changes_no_answer_and_teaches_nothing(
    classifier: Classifier, name: str, rows: list[int]
) -> None:
    model = classifier(name)
    plain = PaddedForward(model, 0)
    wanted, wanted_gradients = plain.logits(plain.batch(SPLIT, rows)), gradients(model, plain, rows)
    packed = PackedForward(
        model, model, picks_early=name != "GPT2", picks_inside=name in {"Llama", "Qwen2"}, fills_up=True
    )
    batch = packed.batch(SPLIT, rows)
    assert batch.num_tokens == int(SPLIT.lengths[rows].sum())
    assert 0 < batch.num_computed - batch.num_tokens < GRAIN
    assert batch.num_computed % GRAIN == 0
    torch.testing.assert_close(packed.logits(batch), wanted, rtol=1e-5, atol=1e-6)
    assert_same_gradients(gradients(model, packed, rows), wanted_gradients)


def test_a_sequence_of_one_token_and_a_token_like_padding_in_the_middle(classifier: Classifier) -> None:
    model = classifier("Llama").eval()
    split = Split(np.array([7, 5, 0, 9], dtype=np.int32), np.array([0, 1, 4]), np.array([0, 1]))
    plain = PaddedForward(model, 0)
    wanted = plain.logits(plain.batch(split, [0, 1]))
    packed = PackedForward(model, model, picks_early=True)
    torch.testing.assert_close(packed.logits(packed.batch(split, [0, 1])), wanted)


@pytest.mark.parametrize(("name", "changes"), [("Llama", {}), ("Qwen2", {}), ("Mistral", {"sliding_window": 30})])
def test_the_last_layer_works_for_the_picked_tokens_alone(
    classifier: Classifier, name: str, changes: dict[str, object]
) -> None:
    num_tokens, num_rows, longest = int(SPLIT.lengths.sum()), len(SPLIT), int(SPLIT.lengths.max())
    for way, whole, picked in (
        (None, (1, num_tokens, 16), (1, num_rows, 16)),
        ("rows", (num_rows, longest, 16), (num_rows, 1, 16)),
    ):
        model = classifier(name, **changes)
        forward, _ = choose_forward(model, model, SPLIT, 0, FP32, way=way)
        shapes: list[torch.Size] = []
        for layer in model.model.layers[-2:]:
            layer.mlp.register_forward_pre_hook(lambda _module, args, shapes=shapes: shapes.append(args[0].shape))
        forward.logits(forward.batch(SPLIT, EVERYTHING))
        assert shapes == [whole, picked]


def test_sequences_of_a_pack_do_not_see_each_other(classifier: Classifier) -> None:
    model = classifier("Bert").eval()
    packed, _ = choose_forward(model, model, SPLIT, 0, FP32)
    together = packed.logits(packed.batch(SPLIT, EVERYTHING))
    alone = torch.cat([packed.logits(packed.batch(SPLIT, [row])) for row in EVERYTHING])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_model_that_does_not_use_the_interface_is_padded_and_left_as_it_was(classifier: Classifier) -> None:
    model = classifier("DebertaV2")
    before = [module.forward for module in model.modules()]
    forward, why = choose_forward(model, model, SPLIT, 0, FP32)
    assert isinstance(forward, PaddedForward)
    assert why is not None
    assert "not one of those that transformers lets one choose" in why
    assert model.training
    assert [module.forward for module in model.modules()] == before
    forward.logits(forward.batch(SPLIT, EVERYTHING))


def test_a_row_that_ends_like_padding_is_found(classifier: Classifier) -> None:
    model = classifier("Llama").eval()
    tokens = SPLIT.tokens.copy()
    tokens[SPLIT.offsets[SPLIT.lengths.argmax() + 1] - 1] = 0  # the head takes the token before it, wherever it stands
    split = Split(tokens, SPLIT.offsets, SPLIT.labels)
    forward, why = choose_forward(model, model, split, 0, FP32)
    assert isinstance(forward, PaddedForward)
    assert "packed, the logits of a row differ" in str(why)


def test_a_pack_of_more_tokens_than_positions_is_tried(classifier: Classifier) -> None:
    model = classifier("Llama")

    def refuse(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        if args[0].shape[1] > 64:
            raise RuntimeError("64 places for more tokens")

    model.model.layers[0].register_forward_pre_hook(refuse)
    split = toy_split(16, longest=8)
    assert int(split.lengths.sum()) < 128
    forward, why = choose_forward(model, model, split, 0, FP32)
    assert isinstance(forward, PaddedForward)
    assert why == "64 places for more tokens"


def test_a_text_beyond_the_positions_is_refused(classifier: Classifier) -> None:
    model = classifier("GPT2", n_positions=16)
    with pytest.raises(Unsupported, match=r"does not run on a text of 20 tokens \(.*\); give a smaller --max-length"):
        choose_forward(model, model, toy_split(60, longest=20), 0, FP32)


def test_a_model_that_computes_by_chance_is_refused(classifier: Classifier) -> None:
    model = classifier("Llama")
    model.score.register_forward_hook(lambda _module, _args, logits: logits + torch.randn_like(logits))
    before = torch.get_rng_state()
    with pytest.raises(Unsupported, match=r"called once more, .*: it computes by chance"):
        choose_forward(model, model, SPLIT, 0, FP32)
    assert torch.equal(torch.get_rng_state(), before)


def test_rounding_in_half_precision_is_no_reason_to_refuse_a_model(classifier: Classifier) -> None:
    model = classifier("Llama").bfloat16()
    model.score.register_forward_hook(lambda _module, args, logits: logits + 0.1 * len(args[0]))
    forward, why = choose_forward(model, model, SPLIT, 0, Precision(torch.bfloat16, torch.device("cpu")))
    assert isinstance(forward, PaddedForward)
    assert not forward.on_the_left
    assert "padded on the right, the logits of a row differ" in str(why)


def test_logits_that_are_no_numbers_are_left_to_training(classifier: Classifier) -> None:
    model = classifier("Llama")
    torch.nn.init.constant_(model.score.weight, float("nan"))
    forward, why = choose_forward(model, model, SPLIT, 0, FP32)
    assert isinstance(forward, PaddedForward)
    assert why == "its logits are no finite numbers"


def test_a_model_that_pools_over_all_tokens_is_padded(classifier: Classifier) -> None:
    model = classifier("ModernBert", classifier_pooling="mean")
    forward, why = choose_forward(model, model, SPLIT, 0, FP32)
    assert isinstance(forward, PaddedForward)
    assert why is not None


def test_closing_gives_the_plain_model_back(classifier: Classifier) -> None:
    model = classifier("GPT2").eval()
    plain = PaddedForward(model, 0)
    wanted = plain.logits(plain.batch(SPLIT, EVERYTHING))
    forward, _ = choose_forward(model, model, SPLIT, 0, FP32)
    assert isinstance(forward, PackedForward)
    with pytest.raises(RuntimeError, match="runs on packs"):
        plain.logits(plain.batch(SPLIT, EVERYTHING))
    forward.close()
    assert torch.equal(plain.logits(plain.batch(SPLIT, EVERYTHING)), wanted)


def test_attention_without_a_layout_is_refused(classifier: Classifier) -> None:
    model = classifier("Llama")
    model.set_attn_implementation(NAME)
    with pytest.raises(ValueError, match="without the layout of a pack"):
        model(input_ids=torch.ones(1, 3, dtype=torch.long))


@pytest.mark.parametrize("name", ["Llama", "Bert"])
def test_half_precision_packs_too(classifier: Classifier, name: str) -> None:
    model = classifier(name).eval()
    packed, _ = choose_forward(model, model, SPLIT, 0, FP32)
    wanted = packed.logits(packed.batch(SPLIT, EVERYTHING)).detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = packed.logits(packed.batch(SPLIT, EVERYTHING))
    torch.testing.assert_close(found.detach().float(), wanted, rtol=0.1, atol=0.02 * float(wanted.abs().max()))
    found.float().sum().backward()


KERNELS = {
    "Llama": ("efficient", "flash"),
    "Qwen2": ("efficient", "flash"),
    "Mistral": (None, "flash"),  # which sees so far
    "Bert": ("efficient", "flash"),
    "GPT2": ("efficient", "flash"),
    "ModernBert": (None, "flash"),
    "Gemma2": (None, None),  # which caps scores
}
"""What serves an architecture on a GPU, in fp32 and in half precision."""


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_kernels_for_various_lengths_answer_and_teach_as_padding_does(
    classifier: Classifier, name: str, dtype: torch.dtype
) -> None:
    """The kernels themselves need a GPU; what stands for them has their arguments, and refuses what they refuse."""
    model = classifier(name)
    plain = PaddedForward(model, 0)
    wanted = plain.logits(plain.batch(SPLIT, EVERYTHING)).detach()
    wanted_gradients = gradients(model, plain, EVERYTHING)
    kernel = KERNELS[name][dtype == torch.bfloat16]
    with as_on_a_gpu():
        precision = Precision(dtype, torch.device("cpu"))
        packed, why_not = choose_forward(model, model, SPLIT, 0, precision)
        assert isinstance(packed, PackedForward), why_not
        assert packed.various_lengths == (kernel is not None)
        batch = packed.batch(SPLIT, EVERYTHING)
        with Launches() as launches, precision.forward():
            found = packed.logits(batch).detach()
            found_gradients = gradients(model, packed, EVERYTHING)
    assert batch.num_computed % GRAIN == 0
    if dtype == torch.float32:
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
        assert_same_gradients(found_gradients, wanted_gradients)
        assert kernel is None or launches.counts["aten._efficient_attention_backward.default"] == 3, (
            "one for each layer"
        )
    else:
        torch.testing.assert_close(found.float(), wanted, rtol=0.1, atol=0.02 * float(wanted.abs().max()))
        error = sum(float((found_gradients[key] - one).norm() ** 2) for key, one in wanted_gradients.items()) ** 0.5
        assert error < 0.1 * sum(float(one.norm() ** 2) for one in wanted_gradients.values()) ** 0.5


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["Llama", "Qwen2", "Bert", "GPT2"])
def test_a_gpu_has_a_kernel_for_various_lengths_in_fp32(classifier: Classifier, name: str) -> None:
    device = torch.device("cuda")
    model = classifier(name, **({"n_embd": 64} if name == "GPT2" else {"hidden_size": 64})).to(device)
    wanted = gradients(model, PaddedForward(model, 0), EVERYTHING)
    packed, why_not = choose_forward(model, model, SPLIT, 0, Precision(torch.float32, device))
    assert isinstance(packed, PackedForward), why_not
    assert packed.various_lengths
    assert_same_gradients(gradients(model, packed, EVERYTHING), wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["Llama", "Qwen2", "Mistral", "Bert", "GPT2", "ModernBert"])
def test_the_kernel_for_various_lengths_is_as_exact_as_padding(
    classifier: Classifier, name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = torch.device("cuda")
    model = classifier(name, **({"n_embd": 64} if name == "GPT2" else {"hidden_size": 64})).to(device)
    calls: list[torch.dtype] = []
    kernel = various_lengths.varlen_attn

    def count(query: torch.Tensor, *args: Any, **options: Any) -> Any:
        calls.append(query.dtype)
        return kernel(query, *args, **options)

    monkeypatch.setattr(various_lengths, "varlen_attn", count)
    precision = Precision(dtype, device)
    plain = PaddedForward(model, 0)
    exact = gradients(model, plain, EVERYTHING)
    with precision.forward():
        usual = gradients(model, plain, EVERYTHING)
    packed, why_not = choose_forward(model, model, SPLIT, 0, precision)
    assert isinstance(packed, PackedForward), why_not
    calls.clear()
    with precision.forward():
        found = gradients(model, packed, EVERYTHING)
    assert set(calls) == {dtype}, "another kernel did the work"

    def error(gradients: dict[str, torch.Tensor]) -> float:
        return sum(float((gradients[key] - wanted).norm() ** 2) for key, wanted in exact.items()) ** 0.5

    assert 0 < error(found) < 1.5 * error(usual)


def test_a_model_whose_dropout_leaves_no_kernel_spreads(classifier: Classifier) -> None:
    model = classifier("ModernBert", attention_dropout=0.1)
    with as_on_a_gpu():
        packed, _ = choose_forward(model, model, SPLIT, 0, Precision(torch.bfloat16, torch.device("cpu")))
    assert isinstance(packed, PackedForward)
    assert not packed.various_lengths
    assert model.training


@pytest.mark.parametrize(
    ("way", "name", "why"),
    [
        ("packed-varlen", "Llama", "the kernels for various lengths are of GPUs"),
        ("packed-spread", "DebertaV2", "not one of those that transformers lets one choose"),
        ("rows", "ModernBert", "by rows, the logits of a row differ"),
    ],
)
def test_a_way_that_is_forced_has_no_other_in_its_place(classifier: Classifier, way: Way, name: str, why: str) -> None:
    changes = {"classifier_pooling": "mean"} if name == "ModernBert" else {}
    model = classifier(name, **changes)
    before = [module.forward for module in model.modules()]
    with pytest.raises(Unsupported, match=f"cannot be run by --way {way}: .*{why}"):
        choose_forward(model, model, SPLIT, 0, FP32, way=way, forced=True)
    assert [module.forward for module in model.modules()] == before
    forward, why_padded = choose_forward(model, model, SPLIT, 0, FP32, way=way)
    assert isinstance(forward, PackedForward) == (way == "packed-varlen")
    assert (why_padded is None) == isinstance(forward, PackedForward)


def test_kernels_that_do_not_serve_are_no_way_to_be_forced(classifier: Classifier) -> None:
    model = classifier("Gemma2")
    with as_on_a_gpu(), pytest.raises(Unsupported, match="no kernel for various lengths caps scores"):
        choose_forward(model, model, SPLIT, 0, FP32, way="packed-varlen", forced=True)
