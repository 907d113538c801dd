"""Pairs of sentences, through every way to run a model: as the tokenizer and the model of transformers do it."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from bench.errors import DataError
from bench.experiment.registry import load
from bench.experiment.spec import WorkloadSpec, parse_strategy
from bench.plan.compose import compose
from bench.training.evaluation import predict
from bench.training.forward.packed import GRAIN, PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.prepare import prepare
from bench.training.set_up import set_up
from bench.workload.data.dataset import Data, load_data
from bench.workload.models.layers import view_of
from bench.workload.toy import TOY_RATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from transformers import PreTrainedModel

    Classifier = Callable[..., PreTrainedModel]

LONGEST = 14


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    return


@pytest.fixture
def saved(classifier: Classifier, tmp_path: Path) -> Callable[[str], Path]:
    """Save a tiny classifier with a tokenizer that joins pairs as BERT's does."""

    def save(name: str) -> Path:
        words = ["<pad>", "<cls>", "<sep>", "<unk>", *(f"w{number}" for number in range(60))]
        tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<cls> $A <sep>", pair="<cls> $A <sep> $B:1 <sep>:1", special_tokens=[("<cls>", 1), ("<sep>", 2)]
        )
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            model_input_names=["input_ids", "token_type_ids", "attention_mask"],
            pad_token="<pad>",
            unk_token="<unk>",
            cls_token="<cls>",
            sep_token="<sep>",
        )
        fast.save_pretrained(tmp_path / name)
        classifier(name, initializer_range=0.5).save_pretrained(tmp_path / name)
        return tmp_path / name

    return save


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A CSV of pairs of unlike lengths, some of them longer than a row may be; of two rows each has the other's texts."""
    draw = random.Random(0)
    lines = ["hypothesis,premise,label"]
    for number in range(30):
        one, other = (" ".join(f"w{draw.randrange(60)}" for _ in range(draw.randint(1, 9))) for _ in range(2))
        lines += [f"{one} w1,{other},{number % 2}", f"{other},{one} w1,{1 - number % 2}"]
    file = tmp_path / "pairs.csv"
    file.write_text("\n".join(lines))
    return file


def load_pairs(model: Path, file: Path, max_length: int = LONGEST) -> Data:
    return load_data(
        WorkloadSpec(
            model=str(model),
            dataset=str(file),
            text_column="premise, hypothesis",
            max_length=max_length,
            train_samples=None,
            eval_samples=None,
        )
    )


def plain(folder: Path, file: Path, *, with_types: bool) -> dict[tuple[int, ...], torch.Tensor]:
    """Ask the model of transformers about each pair by itself; by token ids."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder)
    logits = {}
    for line in file.read_text().splitlines()[1:]:
        hypothesis, premise, _ = line.split(",")
        encoded = tokenizer(premise, hypothesis, truncation=True, max_length=LONGEST, return_tensors="pt")
        if not with_types:
            encoded.pop("token_type_ids")
        with torch.inference_mode():
            logits[tuple(encoded["input_ids"][0].tolist())] = model.eval()(**encoded).logits[0]
    assert len(logits) == 60
    return logits


@pytest.mark.parametrize(
    ("name", "with_types"),
    [
        ("Bert", True),
        ("Electra", True),
        ("Roberta", True),
        ("DistilBert", False),
        ("DebertaV2", False),
        ("Llama", False),
    ],
)
def test_a_pair_has_the_logits_of_transformers_in_every_way(
    name: str, with_types: bool, saved: Callable[[str], Path], pairs: Path
) -> None:
    folder = saved(name)
    data = load_pairs(folder, pairs)
    wanted = plain(folder, pairs, with_types=with_types)
    for split in (data.train, data.evaluation):
        assert (split.token_types is not None) == with_types
        expected = torch.stack([wanted[tuple(split.row(row).tolist())] for row in range(len(split))])
        for way in ("padded", "packed")[: 1 if name == "DebertaV2" else 2]:
            model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
            packed = partial(PackedForward, picks_early=name != "Llama")
            forward = PaddedForward(model, data.pad_token_id) if way == "padded" else packed(model, model)
            with torch.inference_mode():
                logits = forward.logits(forward.batch(split, list(range(len(split)))))
            torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    if with_types:
        without = plain(folder, pairs, with_types=False)
        assert max(float((without[ids] - logits).abs().max()) for ids, logits in wanted.items()) > 1e-3


@pytest.mark.parametrize("strategy", ["full", "freeze+cached", "freeze:last=1+cached"])
def test_pairs_are_stored_and_evaluated_with_their_types(
    strategy: str, saved: Callable[[str], Path], pairs: Path
) -> None:
    folder = saved("Bert")
    data = load_pairs(folder, pairs)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    view = view_of(model, frozenset())
    plan = compose([load(term) for term in parse_strategy(strategy)], view)
    prepared = prepare(
        model,
        view,
        plan,
        split=data.train,
        pad_token_id=data.pad_token_id,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=0.0,
    )
    assert isinstance(prepared.forward, PackedForward) == (prepared.cache is None)
    rows = np.arange(len(data.train))
    set_up(prepared, data.train, rows, [rows])
    prepared.model.eval()
    wanted = plain(folder, pairs, with_types=True)
    with torch.inference_mode():
        found = prepared.logits(prepared.batch(data.train, rows))
    expected = torch.stack([wanted[tuple(data.train.row(row).tolist())] for row in rows])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    predictions = predict(prepared, data.evaluation).classes
    ids = [tuple(data.evaluation.row(row).tolist()) for row in range(len(data.evaluation))]
    assert predictions.tolist() == [int(wanted[row].argmax()) for row in ids]


def test_the_first_rows_of_pairs_keep_their_types(saved: Callable[[str], Path], pairs: Path) -> None:
    split = load_pairs(saved("Bert"), pairs).train
    first = split.first(3)
    for row in range(3):
        types = first.types_of(row)
        assert types is not None
        separator = split.row(row).tolist().index(2)
        assert types.tolist() == [int(place > separator) for place in range(len(types))]
    assert first.token_types is not None
    assert len(first.token_types) == len(first.tokens)


def test_what_fills_a_pack_up_has_a_type_too(saved: Callable[[str], Path], pairs: Path) -> None:
    folder = saved("Bert")
    split = load_pairs(folder, pairs).train
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    body = PackedForward(model, model, fills_up=True).batch(split, [0, 1, 2]).body
    num_tokens = int(split.offsets[3])
    assert body["token_type_ids"].shape == body["input_ids"].shape == (1, -(-num_tokens // GRAIN) * GRAIN)
    assert split.token_types is not None
    assert body["token_type_ids"][0, :num_tokens].tolist() == split.token_types[:num_tokens].tolist()
    assert not body["token_type_ids"][0, num_tokens:].any()


def test_the_longer_text_of_a_pair_is_cut_first(saved: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    rows = [f"w{number} w2,{'w3 ' * 20 + f'w{number}'},{number % 2}" for number in range(20)]
    file.write_text("\n".join(["premise,hypothesis,label", *rows]))
    data = load_pairs(saved("Bert"), file)
    assert set(data.train.lengths) == {LONGEST}
    assert data.truncated_share == 1
    assert set(load_pairs(saved("Bert"), file, max_length=5).train.lengths) == {5}
    with pytest.raises(DataError, match=r"4 tokens leave no room for a text .*; give --max-length 5 or more"):
        load_pairs(saved("Bert"), file, max_length=4)
    assert all(5 in data.train.row(row).tolist()[2:4] or 6 in data.train.row(row)[:4] for row in range(len(data.train)))
