from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from bench.errors import ModelError
from bench.workload.models.load import LoadedModel, load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedModel


SMALL = {
    "vocab_size": 18,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": SMALL,
    "gpt2": {"vocab_size": 18, "n_embd": 16, "n_layer": 2, "n_head": 2, "pad_token_id": 0},
    "bert": SMALL,
    "roberta": SMALL | {"pad_token_id": 1},
    "xlm-roberta": SMALL | {"pad_token_id": 1},
    "deberta-v2": SMALL | {"pooler_hidden_size": 16},
    "distilbert": {"vocab_size": 18, "dim": 16, "hidden_dim": 24, "n_layers": 2, "n_heads": 2},
    "electra": SMALL | {"embedding_size": 8},
    "modernbert": SMALL,
}

NAMES = ("sad", "happy", "angry")


IDS = torch.tensor([[3, 4, 5, 6, 7]])


def saved(kind: str, tiny_model: Path, folder: Path, names: Sequence[str] = NAMES, **settings: Any) -> PreTrainedModel:
    """Write a classifier with a head whose every number is another, as training leaves it."""
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: number for number, name in enumerate(names)}}
    config = AutoConfig.for_model(kind, **ARCHITECTURES[kind], **(labels | settings))
    torch.manual_seed(7)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            if not name.startswith(f"{model.base_model_prefix}."):
                param.normal_()
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return model


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits
    return found


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_rows_of_a_head_come_in_the_order_of_the_data(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    trained = saved(kind, tiny_model, tmp_path / kind)
    wanted = logits(trained)
    for labels, rows in ((("angry", "happy", "sad"), [2, 1, 0]), (("Angry", "Sad"), [2, 0])):
        loaded = load_model(str(tmp_path / kind), labels=labels, seed=1)
        assert loaded.fresh == set()
        assert loaded.head.is_of_checkpoint
        assert [flag.code for flag in loaded.head.flags] == ["checkpoint-head"]
        torch.testing.assert_close(logits(loaded.model), wanted[:, rows])
        assert loaded.model.config.id2label == dict(enumerate(labels))
        assert loaded.model.config.label2id == {label: number for number, label in enumerate(labels)}
        answer: Any = loaded.model(input_ids=IDS, labels=torch.tensor([1]))  # its own loss takes as many classes
        assert answer.loss.isfinite()
        loaded.model.save_pretrained(tmp_path / "again")
        again = AutoModelForSequenceClassification.from_pretrained(tmp_path / "again")
        torch.testing.assert_close(logits(again), wanted[:, rows])


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_head_of_other_classes_gives_way_to_a_fresh_one(kind: str, tiny_model: Path, tmp_path: Path) -> None:
    trained = saved(kind, tiny_model, tmp_path / kind)
    old = dict(trained.named_parameters())

    def load(seed: int, labels: Sequence[str] = ("a", "b", "c"), head: Any = "auto") -> LoadedModel:
        return load_model(str(tmp_path / kind), labels=labels, seed=seed, head=head)

    first, again, other = (load(seed) for seed in (0, 0, 1))
    assert first.fresh == again.fresh == other.fresh
    assert not first.head.is_of_checkpoint
    assert "the data has a, b, c too" in first.head.flags[0].message
    params, others = dict(first.model.named_parameters()), dict(other.model.named_parameters())
    for name, param in again.model.named_parameters():
        assert torch.equal(param, params[name])
        if name not in first.fresh:
            assert torch.equal(param, old[name]), name
        elif name.endswith("weight"):
            assert 0 < float(param.detach().std()) < 0.5, f"{name} is the checkpoint's, which was drawn with 1"
            assert not torch.equal(param, others[name])
        else:
            assert not param.any()
    assert first.fresh <= {name for name in old if not name.startswith(f"{trained.base_model_prefix}.")}
    forced = load(0, ("angry", "happy", "sad"), "fresh")
    assert forced.fresh == first.fresh == load(0, ("a", "b")).fresh
    assert "--head fresh" in str(forced.head)
    assert all(torch.equal(param, params[name]) for name, param in forced.model.named_parameters())


def test_a_checkpoint_without_a_head_gets_a_fresh_one_without_a_word(tiny_model: Path) -> None:
    for labels in (("0", "1"), ("bad", "good"), ("0", "1", "2")):
        loaded = load_model(str(tiny_model), labels=labels, seed=0)
        assert loaded.fresh == {"score.weight"}
        assert loaded.head.flags == ()
        assert str(loaded.head) == "fresh: the checkpoint brings none"
        assert loaded.model.config.num_labels == len(labels)


def test_half_a_head_is_no_head(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    saved("roberta", tiny_model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["classifier.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    loaded = load_model(str(tmp_path), labels=("happy", "sad"), seed=0)
    assert loaded.fresh == {"classifier.dense.weight", "classifier.out_proj.weight", "classifier.out_proj.bias"}
    assert "lacks classifier.dense.weight" in str(loaded.head)
    assert logits(loaded.model).shape == (1, 2)


def test_a_head_that_is_not_the_one_of_its_configuration_is_no_head(tiny_model: Path, tmp_path: Path) -> None:
    saved("llama", tiny_model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"id2label": {"0": "happy", "1": "sad"}, "label2id": {"happy": 0, "sad": 1}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load_model(str(tmp_path), labels=("happy", "sad"), seed=0)
    assert loaded.fresh == {"score.weight"}
    assert "does not fit the checkpoint's own configuration" in str(loaded.head)


@pytest.mark.parametrize(
    "settings",
    [{"problem_type": "multi_label_classification"}, {"id2label": {0: "score"}, "label2id": {"score": 0}}],
    ids=["several at once", "regression"],
)
def test_a_head_of_another_task_is_not_taken(settings: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    saved("bert", tiny_model, tmp_path, **settings)
    loaded = load_model(str(tmp_path), labels=NAMES, seed=0)
    assert loaded.fresh == {"classifier.weight", "classifier.bias"}
    assert loaded.model.config.problem_type == "single_label_classification"


def test_a_checkpoints_head_that_does_not_fit_is_an_error_where_it_is_asked_for(
    tiny_model: Path, tmp_path: Path
) -> None:
    saved("llama", tiny_model, tmp_path / "model")
    assert load_model(str(tmp_path / "model"), labels=NAMES, seed=0, head="checkpoint").fresh == set()
    for name, labels, why in (
        (tmp_path / "model", ("a", "b"), "its classes are sad, happy, angry, and the data has a, b too"),
        (tiny_model, ("0", "1"), "the checkpoint brings none"),
    ):
        with pytest.raises(ModelError, match=f"cannot be taken, as --head checkpoint asks: {why}"):
            load_model(str(name), labels=labels, seed=0, head="checkpoint")
