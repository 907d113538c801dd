from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

from bench.errors import ModelError
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_config, load_model, load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_classifier_is_set_up_for_single_labels_in_fp32(tiny_model: Path) -> None:
    model = load_model(str(tiny_model), labels=("0", "1", "2"), seed=0).model
    config = model.config
    assert type(model).__name__ == "LlamaForSequenceClassification"
    assert {param.dtype for param in model.parameters()} == {torch.float32}
    assert (config.num_labels, config.problem_type, config.use_cache) == (3, "single_label_classification", False)
    assert config.pad_token_id == load_tokenizer(str(tiny_model)).pad_token_id == 1


def test_half_precision_weights_stay_in_their_file_and_the_head_is_in_fp32(copy: Path) -> None:
    weights = copy / "model.safetensors"
    save_file({name: tensor.half() for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    model = load_model(str(copy), labels=("0", "1"), seed=0).model
    assert {param.dtype for param in model.base_model.parameters()} == {torch.float16}
    assert model.get_parameter("score.weight").dtype == torch.float32


def test_the_seed_decides_the_head_and_nothing_else(tiny_model: Path) -> None:
    before = torch.get_rng_state()
    models: list[Any] = [load_model(str(tiny_model), labels=("0", "1"), seed=seed).model for seed in (0, 0, 1)]
    first, again, other = models
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.score.weight, again.score.weight)
    assert not torch.equal(first.score.weight, other.score.weight)
    assert all(map(torch.equal, first.model.parameters(), other.model.parameters()))


def test_what_the_checkpoint_lacks_is_fresh(tiny_model: Path, tmp_path: Path) -> None:
    assert load_model(str(tiny_model), labels=("0", "1"), seed=0).fresh == {"score.weight"}
    config = BertConfig(vocab_size=18, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "bert")
    loaded = load_model(str(tmp_path / "bert"), labels=("0", "1"), seed=0)
    assert {"bert.pooler.dense.weight", "classifier.weight"} < loaded.fresh
    assert loaded.fresh == set(view_of(loaded.model, loaded.fresh).layers[-1].param_names)


def test_weights_that_do_not_fit_the_configuration_are_refused(copy: Path) -> None:
    edit(copy / "config.json", intermediate_size=32)
    with pytest.raises(ModelError, match=r"do not fit its config.json: model.layers.0.mlp"):
        load_model(str(copy), labels=("0", "1"), seed=0)


def test_weights_of_another_architecture_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    save_file({f"other.{name}": tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    with pytest.raises(ModelError, match="are those of another architecture"):
        load_model(str(copy), labels=("0", "1"), seed=0)


@pytest.mark.parametrize("lacking", ["layers.1.mlp.up_proj.weight", "embed_tokens.weight"])
def test_weights_without_a_part_of_a_layer_are_refused(lacking: str, copy: Path) -> None:
    weights = copy / "model.safetensors"
    save_file(
        {name: tensor for name, tensor in load_file(weights).items() if name != lacking}, weights, {"format": "pt"}
    )
    with pytest.raises(ModelError, match=f"model.{lacking} is not among them"):
        load_model(str(copy), labels=("0", "1"), seed=0)


def test_a_configuration_of_more_layers_than_the_weights_have_is_refused(copy: Path) -> None:
    edit(copy / "config.json", num_hidden_layers=3)
    with pytest.raises(ModelError, match=r"model.layers.2.* is not among them"):
        load_model(str(copy), labels=("0", "1"), seed=0)


def test_a_folder_without_safetensors_is_refused_in_one_line(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").touch()  # never read: it is a pickle
    with pytest.raises(ModelError, match=r"cannot load the model of .* as a pickle alone") as caught:
        load_model(str(copy), labels=("0", "1"), seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("keep", [0, 100])
def test_a_damaged_file_is_refused_in_one_line(file: str, keep: int, copy: Path) -> None:
    (copy / file).write_bytes((copy / file).read_bytes()[:keep])
    with pytest.raises(ModelError, match="cannot load the") as caught:
        load_model(str(copy), labels=("0", "1"), seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{"id2label": ["bad", "good"]}, {"id2label": "bad"}, {"num_attention_heads": 0}, {"hidden_size": "32"}]
)
def test_a_configuration_that_makes_no_sense_is_refused_in_one_line(settings: dict[str, Any], copy: Path) -> None:
    edit(copy / "config.json", **settings)
    with pytest.raises(ModelError, match=r"cannot load the (configuration|model) .*; look for a setting") as caught:
        load_model(str(copy), labels=("0", "1"), seed=0)
    assert "\n" not in str(caught.value)


def test_code_that_comes_with_a_model_is_never_run(copy: Path, tmp_path: Path) -> None:
    (copy / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    edit(copy / "config.json", model_type="novel", auto_map={"AutoConfig": "code.Config"})
    for attempt in (lambda: load_model(str(copy), labels=("0", "1"), seed=0), lambda: load_config(str(copy))):
        with pytest.raises(ModelError, match="cannot load the"):
            attempt()
    assert not (tmp_path / "ran").exists()


def test_the_tokenizer_pads_on_the_right_with_a_token_of_the_model(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_model))
    assert (tokenizer.padding_side, tokenizer.pad_token, len(tokenizer)) == ("right", "</s>", 18)


def test_the_unknown_token_pads_where_there_is_no_end(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", eos_token=None)
    assert load_tokenizer(str(copy)).pad_token == "<unk>"


def test_a_tokenizer_without_any_token_to_pad_with_is_refused(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", eos_token=None, unk_token=None)
    with pytest.raises(ModelError, match="no pad, end or unknown token"):
        load_tokenizer(str(copy))


def test_a_pad_token_that_the_model_does_not_have_gives_way_to_one_that_it_has(copy: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    assert tokenizer.pad_token_id == 18
    tokenizer.save_pretrained(copy)
    assert load_tokenizer(str(copy)).pad_token_id == 1
    loaded = load_model(str(copy), labels=("0", "1"), seed=0)
    assert loaded.model.config.pad_token_id == 1
    (flag,) = loaded.flags
    assert flag.code == "other-pad-token"
    assert (
        "</s> (token 1) pads, for the model's table of 18 tokens ends before the tokenizer's own <pad> (token 18)"
        in (flag.message)
    )
    edit(copy / "tokenizer_config.json", eos_token="<end>")  # which is added to the vocabulary as well
    assert load_tokenizer(str(copy)).pad_token == "<unk>"


def test_a_pad_token_of_the_models_own_is_no_news(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", pad_token="film")
    assert load_tokenizer(str(copy)).pad_token == "film"
    assert load_model(str(copy), labels=("0", "1"), seed=0).flags == ()


def test_a_folder_without_a_tokenizer_is_refused(copy: Path) -> None:
    for file in copy.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="cannot load the tokenizer of"):
        load_tokenizer(str(copy))
