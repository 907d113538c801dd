from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from bench.errors import Unsupported
from bench.training.forward.packed import PackedForward
from bench.workload.data.dataset import Split
from bench.workload.toy import toy_split
from tests.applied import EXACT, RAGGED, applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn
    from transformers import PreTrainedModel

    from bench.experiment.ways import Way

    Classifier = Callable[..., PreTrainedModel]

ARCHITECTURES = ["Llama", "Qwen2", "Bert", "GPT2"]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("plain", ["freeze", "freeze:last=1", "freeze:last=2"])
def test_cached_equals_uncached(classifier: Classifier, name: str, plain: str, device: torch.device) -> None:
    wanted = train_ragged(applied(plain, classifier(name), device=device))
    for way in ("packed-spread", "rows"):
        cached = applied(f"{plain}+cached", classifier(name), device=device, way=way)
        assert cached.why_padded is None
        found = train_ragged(cached)
        assert found.losses == pytest.approx(wanted.losses, rel=EXACT[device.type])
        assert found.set_up.cache is not None
        assert found.set_up.cache.num_rows == len(RAGGED)
        vectors = len(RAGGED) if plain == "freeze" else int(RAGGED.lengths.sum())
        assert found.set_up.cache.num_bytes == vectors * 16 * 4


@pytest.mark.parametrize("plain", ["freeze", "freeze:last=1"])
def test_cached_equals_uncached_where_packs_are_filled_up(
    classifier: Classifier, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = train_ragged(applied(plain, classifier("Llama")))

    def choose_as_on_a_gpu(
        outer: nn.Module, model: PreTrainedModel, *_: object, **__: object
    ) -> tuple[PackedForward, None]:
        return PackedForward(outer, model, picks_inside=True, fills_up=True), None

    monkeypatch.setattr("bench.training.prepare.choose_forward", choose_as_on_a_gpu)
    filled_up = train_ragged(applied(plain, classifier("Llama")))
    cached = train_ragged(applied(f"{plain}+cached", classifier("Llama")))
    assert filled_up.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert cached.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert filled_up.num_padded_tokens > sum(filled_up.step_tokens) == sum(wanted.step_tokens)


@pytest.mark.parametrize("way", ["packed-spread", "rows"])
def test_other_rows_take_the_whole_way(classifier: Classifier, way: Way) -> None:
    prepared = applied("freeze+cached", classifier("GPT2"), way=way)
    train_ragged(prepared)
    prepared.model.eval()
    others = toy_split(9, seed=5)
    assert prepared.batch(others, [0]).prefix is None
    assert prepared.batch(RAGGED, [0]).prefix is not None
    copy = Split(RAGGED.tokens, RAGGED.offsets, RAGGED.labels)
    rows = list(range(len(RAGGED)))
    stored, whole = (prepared.logits(prepared.batch(split, rows)) for split in (RAGGED, copy))
    torch.testing.assert_close(stored, whole, rtol=1e-5, atol=1e-6)


def test_what_is_padded_cannot_be_cached(classifier: Classifier) -> None:
    for name, way in (("DebertaV2", None), ("Llama", "padded")):
        with pytest.raises(Unsupported, match="cached stores the output of layers on packs or rows"):
            applied("freeze+cached", classifier(name), way=way)
    prepared = applied("freeze", classifier("DebertaV2"))
    assert prepared.why_padded
    assert train_ragged(prepared).num_padded_tokens > sum(
        train_ragged(applied("freeze", classifier("Llama"))).step_tokens
    )
