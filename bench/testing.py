"""The contract of a strategy, for the built-in ones and for those of third parties, and a toy workload.

In the tests of your plugin:

    from bench.testing import check_strategy
    from my_plugin import MyStrategy

    def test_contract() -> None:
        check_strategy(MyStrategy())
"""

from __future__ import annotations

import dataclasses
import random
from typing import TYPE_CHECKING, Any, cast

from bench.errors import PlanConflict
from bench.experiment import registry
from bench.experiment.spec import parse_strategy
from bench.plan.compose import compose
from bench.plan.learning_rates import Rates
from bench.plan.train_plan import TrainPlan
from bench.plan.view import Layer, ModelView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.plan.train_plan import Strategy
    from bench.training.trainer import Trained
    from bench.workload.data.dataset import Split

__all__ = [
    "TOY_RATES",
    "TOY_VIEW",
    "check_strategy",
    "save_tiny_llama",
    "save_toy_reviews",
    "tiny_llama",
    "toy_split",
    "train_toy",
]

_LAYERS = ("embeddings", "layer 0", "layer 1", "layer 2", "layer 3", "head")
TOY_VIEW = ModelView(
    tuple(Layer(name, (f"{name}.weight",), 100 + number) for number, name in enumerate(_LAYERS)),
    linears=("model.layers.0.self_attn.q_proj", "model.layers.3.self_attn.q_proj"),
)
"""Names and counts of a model that does not exist."""

TOY_RATES = Rates(head_alone=1e-2, last_layers=1e-3, everything=1e-3, head=1e-2, adapters=1e-3)

VOCABULARY = 64


def check_strategy(strategy: Strategy) -> None:
    """Hold a strategy against the contract; torch is imported and a tiny Llama trained.

    Raises:
        AssertionError: what the strategy does wrong.

    """
    _is_a_value(strategy)
    first, second = strategy.edit(TOY_VIEW), strategy.edit(TOY_VIEW)
    assert first == second, f"edit must be a pure function of the view: it gave {first}, then {second}"
    fields = {field.name for field in dataclasses.fields(TrainPlan)}
    assert set(first) <= fields, f"edit sets {set(first) - fields}, which the plan does not have"
    for other in _others():
        _commutes(strategy, other)
    _trains(strategy)


def _is_a_value(strategy: Strategy) -> None:
    cls: Any = type(strategy)
    assert hasattr(cls, "__dataclass_params__"), f"{cls.__name__} must be a dataclass"
    assert cls.__dataclass_params__.frozen, f"{cls.__name__} must be frozen: @dataclass(frozen=True, slots=True)"
    assert cls.__doc__, f"{cls.__name__} must say in its docstring what it does: `bench list strategies` shows it"
    required = [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert not required, f"{cls.__name__} must have a default for {', '.join(required)}"
    assert hash(strategy) == hash(dataclasses.replace(cast("Any", strategy))), "its fields must be hashable"


def _others() -> Iterator[Strategy]:
    """Load every strategy there is, but those of other plugins that are broken."""
    for name in registry.names():
        try:
            other = registry.load(parse_strategy(name)[0])
            other.edit(TOY_VIEW)
        except Exception:  # noqa: BLE001, S112  (it is not the one under test)
            continue
        yield other


def _commutes(strategy: Strategy, other: Strategy) -> None:
    outcomes: list[TrainPlan | None] = []
    for order in ([strategy, other], [other, strategy]):
        try:
            outcomes.append(compose(order, TOY_VIEW))
        except PlanConflict:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1], f"{strategy} and {other} must compose alike in both orders"


def _plan_with(strategy: Strategy, view: ModelView) -> TrainPlan:
    """Compose a strategy alone, or with the first built-in one that it needs beside it."""
    for others in ([], *([other] for other in _others())):
        try:
            return compose([strategy, *others], view)
        except PlanConflict as error:
            conflict = error
    raise AssertionError(f"{strategy} composes with nothing: {conflict}")


def _trains(strategy: Strategy) -> None:
    """Two steps change what the plan lets train in the first epoch, and nothing else."""
    from bench.workload.models.layers import view_of  # noqa: PLC0415  (torch and transformers)

    model = tiny_llama(num_tokens=4 * VOCABULARY)  # most of which no row has
    view = view_of(model)
    plan = _plan_with(strategy, view)
    by_name = dict(model.named_parameters())
    before = {name: param.detach().clone() for name, param in by_name.items()}
    trained = train_toy(model, view, plan, num_steps=2)
    assert all(loss == loss for loss in trained.losses), f"the loss is not finite: {trained.losses}"  # noqa: PLR0124
    for layer in view.layers:
        changed = any(
            not before[name].equal(by_name[name].detach().to(before[name].dtype)) for name in layer.param_names
        )
        may = layer.name in plan.phases[0].layers
        assert changed == may, f"{layer.name} {'changed' if changed else 'did not change'}, which the plan denies"


def tiny_llama(
    *, width: int = 16, num_layers: int = 4, num_labels: int = 2, num_tokens: int = VOCABULARY, seed: int = 0
) -> PreTrainedModel:
    """Make a Llama for sequence classification with random weights, small enough for a unit test."""
    import torch  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForSequenceClassification  # noqa: PLC0415

    config = LlamaConfig(  # type: ignore[call-arg]  # num_labels is read by its base class
        vocab_size=num_tokens,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=num_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        num_labels=num_labels,
        pad_token_id=0,
        use_cache=False,
        problem_type="single_label_classification",
    )
    torch.manual_seed(seed)
    return LlamaForSequenceClassification(config)


def save_tiny_llama(directory: Path, *, width: int = 16, labels: Sequence[str] = ()) -> Path:
    """Write a tiny Llama and a tokenizer of single words into `directory`, as a local model; with a head for `labels`, if any."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    from bench.workload.models.quiet import quiet  # noqa: PLC0415

    words = ["<pad>", "<unk>", *(f"word{number}" for number in range(VOCABULARY - 2))]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")  # noqa: S106
    with quiet():
        fast.save_pretrained(directory)
        model = tiny_llama(width=width, num_labels=len(labels) or 2)
        if labels:
            model.config.id2label = dict(enumerate(labels))
        cast("PreTrainedModel", model if labels else model.base_model).save_pretrained(directory)
    return directory


def save_toy_reviews(file: Path, num_rows: int = 60, num_words: tuple[int, int] = (1, 9)) -> Path:
    """Write a CSV of texts of so many words, at least and at most, that tell their label, "bad" or "good"."""
    rng = random.Random(0)  # noqa: S311  (no secret)
    rows = []
    for number in range(num_rows):
        label = number % 2
        words = [f"word{rng.randrange(30 * label, 30 * label + 30)}" for _ in range(rng.randint(*num_words))]
        rows.append(f"{' '.join(words)} word{number},{('bad', 'good')[label]}")
    file.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return file


def toy_split(num_rows: int = 32, *, num_labels: int = 2, shortest: int = 1, longest: int = 12, seed: int = 0) -> Split:
    """Make rows of random tokens and ragged lengths whose last token tells the label."""
    import numpy as np  # noqa: PLC0415

    from bench.workload.data.dataset import Split  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, num_rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = rng.integers(num_labels + 1, VOCABULARY, offsets[-1], dtype=np.int32)
    labels = np.arange(num_rows) % num_labels
    tokens[offsets[1:] - 1] = labels + 1
    return Split(tokens=tokens, offsets=offsets.astype(np.int64), labels=labels.astype(np.int64))


def train_toy(
    model: PreTrainedModel, view: ModelView, plan: TrainPlan, *, num_steps: int = 2, seed: int = 0
) -> Trained:
    """Train on toy rows through the real trainer, on the CPU."""
    import torch  # noqa: PLC0415

    from bench.experiment.spec import RunSpec  # noqa: PLC0415
    from bench.training.prepare import prepare  # noqa: PLC0415
    from bench.training.schedule import schedule_of  # noqa: PLC0415
    from bench.training.trainer import train  # noqa: PLC0415

    spec = RunSpec(strategy=parse_strategy("toy"), seed=seed, steps=num_steps, batch_size=8, evaluations=1)
    split = toy_split(shortest=2)  # torch compiles once more for a length of 1
    prepared = prepare(
        model,
        view,
        plan,
        split=split,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=spec.weight_decay,
    )
    return train(
        prepared,
        split,
        schedule_of(spec, split),
        on_step=lambda _done, _loss, _seconds: None,
        on_point=lambda _done, _seconds: None,
    )
