from __future__ import annotations

import numpy as np
import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.data.dataset import load_data
from bench.workload.data.source import source_of
from bench.workload.presets import DATASETS, MODELS

pytestmark = pytest.mark.assets


@pytest.mark.parametrize("name", DATASETS)
def test_a_preset_data_set_is_as_described(name: str) -> None:
    preset = DATASETS[name]
    splits = [split for split in source_of(WorkloadSpec(dataset=name)).read() if split]
    assert len(splits) == len(preset.splits)
    assert sum(len(split.texts) for split in splits) == preset.num_rows
    data = load_data(WorkloadSpec(model="minilm-l6", dataset=name))
    assert data.label_names == preset.labels
    assert len(data.train) == 512
    assert len(data.evaluation) == 256
    assert set(np.unique(data.train.labels)) == set(range(len(preset.labels)))
    assert set(data.assets) == {preset.asset, MODELS["minilm-l6"].asset}


def test_the_reviews_of_medicines_are_plain_text() -> None:
    train, _ = source_of(WorkloadSpec(dataset="drug-reviews")).read()
    assert not [text for text in map(str, train.texts) if "&#039;" in text or text.startswith('"')]
