from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from transformers import AutoModelForSequenceClassification, AutoTokenizer

from bench.workload.toy import VOCABULARY, save_tiny_llama, save_toy_reviews, tiny_llama, toy_split

if TYPE_CHECKING:
    from pathlib import Path


def test_the_model_is_the_same_each_time() -> None:
    one, other = tiny_llama(), tiny_llama()
    assert all(weight.equal(other.state_dict()[name]) for name, weight in one.state_dict().items())
    assert not one.get_parameter("score.weight").equal(tiny_llama(seed=1).get_parameter("score.weight"))


def test_a_saved_model_is_that_model_with_a_head_for_its_labels_alone(tmp_path: Path) -> None:
    body, whole = save_tiny_llama(tmp_path / "body"), save_tiny_llama(tmp_path / "whole", labels=("bad", "good"))
    loaded = AutoModelForSequenceClassification.from_pretrained(whole)
    assert loaded.config.id2label == {0: "bad", 1: "good"}
    assert loaded.get_parameter("score.weight").equal(tiny_llama().get_parameter("score.weight"))
    assert (body / "model.safetensors").stat().st_size < (whole / "model.safetensors").stat().st_size
    ids = AutoTokenizer.from_pretrained(body)("word0 word61 elsewhere")["input_ids"]
    assert ids == [2, VOCABULARY - 1, 1]


def test_texts_tell_their_label_and_no_two_are_alike(tmp_path: Path) -> None:
    with save_toy_reviews(tmp_path / "reviews.csv", 40, (3, 5)).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["text"] for row in rows}) == len(rows) == 40
    for row in rows:
        *words, _number = row["text"].split()
        assert 3 <= len(words) <= 5
        assert {int(word.removeprefix("word")) >= 30 for word in words} == {row["label"] == "good"}


def test_the_last_token_of_a_row_tells_its_label() -> None:
    split = toy_split(30, num_labels=3, shortest=2, longest=7)
    assert (split.lengths.min(), split.lengths.max()) == (2, 7)
    assert [split.row(row)[-1] - 1 for row in range(30)] == split.labels.tolist() == [0, 1, 2] * 10
    assert split.tokens.max() < VOCABULARY
