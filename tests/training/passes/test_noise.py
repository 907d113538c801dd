"""The size of the noise, and what it composes with, is tested with the strategy that sets it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.errors import Unsupported
from bench.training.forward.padded import collate
from bench.training.passes.noise import EmbeddingNoise
from bench.workload.toy import tiny_llama, toy_split

SPLIT = toy_split(12)


def test_embeddings_are_as_they_were_but_while_a_batch_has_noise() -> None:
    model = tiny_llama()
    batch = collate(SPLIT, [0, 1, 2], 0)
    ids, table = batch.inputs["input_ids"], model.get_input_embeddings()
    plain = table(ids)
    noise = EmbeddingNoise(model, 1.0)
    assert table(ids).equal(plain)
    with noise.on(batch):
        first, second = table(ids), table(ids)
    assert not first.equal(plain)
    assert not first.equal(second)
    assert table(ids).equal(plain)
    assert first.dtype == plain.dtype


def test_embeddings_in_half_precision_stay_so() -> None:
    model = tiny_llama().bfloat16()
    batch = collate(SPLIT, [0, 1], 0)
    noise = EmbeddingNoise(model, 1.0)
    with noise.on(batch):
        assert model.get_input_embeddings()(batch.inputs["input_ids"]).dtype == torch.bfloat16


def test_a_model_whose_table_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_llama()

    def unknown() -> nn.Module:
        raise NotImplementedError

    monkeypatch.setattr(model, "get_input_embeddings", unknown)
    with pytest.raises(Unsupported, match="where this model looks up its tokens"):
        EmbeddingNoise(model, 1.0)
