from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.errors import DataError, ModelError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.dataset import Data, load_data
from bench.workload.models.load import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Load = Callable[..., Data]
    WriteCsv = Callable[..., Path]
    Reviews = list[tuple[str, str]]


def test_long_texts_are_truncated_and_counted(load: Load, write_csv: WriteCsv, reviews: Reviews) -> None:
    data = load(write_csv([*reviews, *[("good " * number, "good") for number in range(20, 30)]]), max_length=6)
    assert data.train.lengths.max() == 6
    assert data.truncated_share == (data.train.lengths == 6).sum() / len(data.train)
    assert load(write_csv(reviews), max_length=4).truncated_share == 0


def test_the_model_limits_the_length(load: Load, write_csv: WriteCsv, reviews: Reviews) -> None:
    assert load(write_csv([*reviews, *[("good " * 99 + str(n), "good") for n in range(4)]])).train.lengths.max() == 24


def test_positions_of_a_roberta_begin_after_the_pad_token(
    write_csv: WriteCsv, reviews: Reviews, tiny_model: Path, tmp_path: Path
) -> None:
    load_tokenizer(str(tiny_model)).save_pretrained(tmp_path / "model")
    settings = {"model_type": "roberta", "max_position_embeddings": 20, "pad_token_id": 1}
    (tmp_path / "model" / "config.json").write_text(json.dumps(settings))
    file = write_csv([*reviews, *[(f"{'good ' * 99}{number}", "good") for number in range(4)]])
    data = load_data(WorkloadSpec(model=str(tmp_path / "model"), dataset=str(file), train_samples=None))
    assert data.train.lengths.max() == 18


def test_a_token_that_the_model_does_not_have_is_refused(write_csv: WriteCsv, reviews: Reviews, copy: Path) -> None:
    tokenizer = load_tokenizer(str(copy))
    tokenizer.add_tokens(["brilliant"])
    tokenizer.save_pretrained(copy)
    load_data(WorkloadSpec(model=str(copy), dataset=str(write_csv(reviews))))  # which no text makes
    file = write_csv([*reviews, *[(f"brilliant {number}", "good") for number in range(30)]])
    with pytest.raises(
        ModelError, match=r"makes 'brilliant' token 18, but the model has embeddings for 18 tokens alone"
    ):
        load_data(WorkloadSpec(model=str(copy), dataset=str(file)))


def test_a_text_without_a_token_is_refused(write_csv: WriteCsv, reviews: Reviews, copy: Path) -> None:
    settings = json.loads((copy / "tokenizer.json").read_text())
    settings["normalizer"] = {"type": "Replace", "pattern": {"String": "\u200b"}, "content": ""}
    (copy / "tokenizer.json").write_text(json.dumps(settings))
    file = write_csv([*reviews, *[("\u200b" * number, "good") for number in range(1, 9)]])
    with pytest.raises(DataError, match="has no token for the tokenizer"):
        load_data(WorkloadSpec(model=str(copy), dataset=str(file)))
