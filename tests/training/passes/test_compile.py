from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._dynamo.utils import counters

from bench.errors import Unsupported
from bench.training import trainer
from tests.applied import EPOCH, applied, train_ragged

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from bench.training.set_up import SetUp

    Classifier = Callable[..., PreTrainedModel]

TO_COMPILE = [EPOCH[0], EPOCH[1], EPOCH[3]]
"""Without a single token alone, which has code of its own, half a minute; such rows stand in the ragged batch."""


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute of compiling, on quiet cores
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("name", ["Llama", "Bert", "Qwen2", "GPT2"])
def test_compiled_equals_eager(
    classifier: Classifier, name: str, device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = train_ragged(applied("full", classifier(name), device=device), epoch=TO_COMPILE)
    prepared = applied("compile", classifier(name), device=device)
    prepared.model.eval()  # as it stands before a run, after a look at its type
    torch._dynamo.reset()
    counters["stats"].clear()
    graphs: list[int] = []
    set_up_first = trainer.set_up

    def set_up_and_count(*args: Any) -> SetUp:
        done = set_up_first(*args)
        graphs.append(counters["stats"]["unique_graphs"])
        return done

    monkeypatch.setattr(trainer, "set_up", set_up_and_count)
    trained = train_ragged(prepared, lambda *_: graphs.append(counters["stats"]["unique_graphs"]), TO_COMPILE)
    assert 0 < graphs[0] == graphs[-1], "a step compiled once more"
    assert trained.losses == pytest.approx(wanted.losses, rel=1e-5)
    assert trained.set_up.compile_seconds is not None
    assert 0 < trained.set_up.compile_seconds <= trained.set_up_seconds <= trained.seconds


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Llama", "full"),
        ("Bert", "freeze:last=2"),
        *(pytest.param(name, "full", marks=pytest.mark.slow) for name in ("Gemma2", "ModernBert")),
    ],
)
def test_layers_are_traced_as_a_whole_and_before_the_first_step(
    classifier: Classifier, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the layers are traced to runs as it is: to make machine code of each takes half a minute.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    wanted = train_ragged(applied(text, classifier(name)), epoch=TO_COMPILE)
    torch._dynamo.reset()
    counters["stats"].clear()
    graphs: list[int] = []
    trained = train_ragged(
        applied(f"{text}+compile", classifier(name)),
        lambda *_: graphs.append(counters["stats"]["unique_graphs"]),
        TO_COMPILE,
    )
    assert len(set(graphs)) == 1, "a step compiled once more"
    assert trained.losses == pytest.approx(wanted.losses, rel=1e-6)
    assert trained.set_up.compile_seconds is not None
    assert 0 < trained.set_up.compile_seconds <= trained.set_up_seconds <= trained.seconds


def test_compiling_without_a_compiler_is_not_supported(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.plan.compiler.shutil.which", lambda _name: None)
    with pytest.raises(Unsupported, match=r"C\+\+ compiler"):
        applied("compile", classifier("Llama"))
