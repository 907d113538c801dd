from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import BertConfig, LlamaConfig

from bench.errors import ModelError, Unsupported
from bench.forecasting.fake import classifier, without_numbers
from bench.workload.models.layers import layers_of


def test_a_model_of_any_size_takes_no_memory() -> None:
    config = LlamaConfig(hidden_size=65536, intermediate_size=65536, num_hidden_layers=80, vocab_size=10**6)
    with without_numbers():
        model = classifier(config, num_labels=3, num_layers=2)
    assert len(layers_of(model)) == 2
    assert model.num_parameters() > 6e10
    assert model.config.num_labels == 3
    assert (config.num_hidden_layers, config.num_labels) == (80, 2)


def test_a_module_is_converted_though_its_tensors_have_no_numbers() -> None:
    with without_numbers():
        module = nn.BatchNorm1d(3)
        weight = module.weight
        module.to(torch.bfloat16)
        assert module.weight is weight
        assert {weight.dtype, module.running_mean.dtype} == {torch.bfloat16}
    assert nn.BatchNorm1d(3).to(torch.bfloat16).weight.dtype == torch.bfloat16


def test_whoever_reads_a_number_gets_zero_and_is_counted() -> None:
    with without_numbers() as mode:
        assert torch.tensor(3.0).item() == 3.0
        assert mode.num_read == 0
        read = [one.item() for one in (torch.ones(()), torch.ones(2, dtype=torch.long).sum(), torch.ones(1) > 0)]
    assert [(type(one), one) for one in read] == [(float, 0.0), (int, 0), (bool, False)]
    assert mode.num_read == 3


def test_a_number_that_is_drawn_by_itself_is_known() -> None:
    with without_numbers() as mode:
        assert all(bool(torch.rand(1) > 0) for _ in range(9))
    assert mode.num_read == 0


def test_what_depends_on_numbers_is_refused_in_words() -> None:
    with pytest.raises(Unsupported, match="depends on numbers"), without_numbers():
        torch.ones(3).nonzero()


def test_a_configuration_of_no_classifier_is_refused_in_words() -> None:
    config = BertConfig(hidden_size=65, num_attention_heads=4)
    with without_numbers(), pytest.raises(ModelError, match="no classifier can be built of a bert configuration"):
        classifier(config, num_labels=2)
