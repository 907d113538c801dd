from __future__ import annotations

import copy

import pytest
import torch

from bench.forecasting.fake import classifier, without_numbers
from bench.testing.models import MODELS, fresh_model
from bench.training.forward.by_shape import choose_by_shape
from bench.training.forward.choose import choose_forward
from bench.training.forward.packed import PackedForward
from bench.training.precision import Precision
from bench.workload.toy import toy_split

FP32 = Precision(torch.float32, torch.device("cpu"))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_way_to_run_a_model_is_that_which_comparing_numbers_finds(name: str) -> None:
    model = fresh_model(name)
    config = copy.deepcopy(model.config)
    split = toy_split(16, shortest=2)
    numbers, _ = choose_forward(model, model, split, 0, FP32)
    with without_numbers():
        fake = classifier(config, num_labels=2)
        shapes, why = choose_by_shape(fake, fake, split, 0, FP32)
    assert isinstance(numbers, PackedForward)
    assert isinstance(shapes, PackedForward)
    assert why is None
    assert (shapes._picks_early, shapes.picks_inside) == (numbers._picks_early, numbers.picks_inside)
