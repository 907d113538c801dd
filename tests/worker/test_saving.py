"""What is kept of a run loads as users load models, and gives the logits of the model that was trained."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pytest
import torch
from peft import AutoPeftModelForSequenceClassification, PeftModel, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from bench.errors import Unsupported
from bench.plan import Edit, Phase, TransformStage
from bench.plan.compose import compose
from bench.training.forward.padded import collate
from bench.training.prepare import prepare
from bench.training.trainer import Schedule, train
from bench.worker.changed import deploy_bytes
from bench.worker.saving import save
from bench.workload.models.layers import view_of
from bench.workload.models.load import load_model
from bench.workload.models.quiet import quiet
from bench.workload.toy import TOY_RATES, save_tiny_llama, tiny_llama, toy_split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.plan import ModelView
    from bench.training.prepared import Prepared
    from bench.workload.models.load import LoadedModel

    Trained = Callable[..., Prepared]
    Keep = Callable[..., tuple[Path, torch.Tensor]]

LABELS = ("bad", "fair", "good")
SPLIT = toy_split(16, num_labels=3)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lora": ("LORA", {"r": 4}),
    "dora": ("LORA", {"r": 4, "use_dora": True}),
    "rslora": ("LORA", {"r": 4, "use_rslora": True}),
    "pissa": ("LORA", {"r": 4, "init_lora_weights": "pissa"}),
    "olora": ("LORA", {"r": 4, "init_lora_weights": "olora"}),
    "adalora": ("ADALORA", {"init_r": 6, "target_r": 4, "total_step": 20}),
    "boft": ("BOFT", {"boft_block_size": 4}),
    "oft": ("OFT", {"oft_block_size": 4, "r": 0}),
    "ia3": ("IA3", {"feedforward_modules": []}),
    "fourierft": ("FOURIERFT", {"n_frequency": 16}),
    "road": ("ROAD", {"group_size": 4}),
    "vblora": ("VBLORA", {"num_vectors": 16, "vector_length": 4}),
    "c3a": ("C3A", {"block_size": 4}),
    "shira": ("SHIRA", {"r": 2}),
    **{name: (name.upper(), {"r": 4}) for name in ("vera", "loha", "lokr", "hra", "randlora", "miss")},
    **{name: (name.upper(), {}) for name in ("deft", "delora", "gralora", "hira", "lily", "ln_tuning", "psoft")},
}
REWRITES_THE_BASE = {"pissa", "olora"}
ADAPTER_FILES = {"adapter_config.json", "adapter_model.safetensors", "README.md"}

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.is_gradient_checkpointing.:FutureWarning"),  # of peft
]


@dataclass(frozen=True)
class Adapters:
    kind: str
    targets: tuple[str, ...]
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: PreTrainedModel) -> nn.Module:
        name, options = KINDS[self.kind]
        return get_peft_model(model, PEFT_TYPE_TO_CONFIG_MAPPING[name](target_modules=list(self.targets), **options))


@dataclass(frozen=True)
class Adapted:
    """Train adapters of one kind in the linear layers, and whole layers of the model."""

    kind: str
    whole: tuple[str, ...] = ("head",)

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=(Phase(0, frozenset(self.whole)),), transforms=(Adapters(self.kind, tuple(view.linears)),))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a base model without a head, of two layers as wide as all kinds of adapters need."""
    directory = save_tiny_llama(tmp_path_factory.mktemp("base") / "tiny", width=64)
    with quiet():
        cast("PreTrainedModel", tiny_llama(width=64, num_layers=2).base_model).save_pretrained(directory)
    return directory


@cache
def _loaded(base: Path) -> LoadedModel:
    """Load a model once: who trains it takes a copy."""
    return load_model(str(base), labels=LABELS, seed=0)


@pytest.fixture
def trained(base: Path) -> Trained:
    """Train a model for two steps, the tiny Llama unless another is given."""

    def trained(strategy: Any, base: Path = base) -> Prepared:
        loaded = deepcopy(_loaded(base))
        view = view_of(loaded.model, loaded.fresh)
        prepared = prepare(
            loaded.model,
            view,
            compose([strategy], view),
            split=SPLIT,
            pad_token_id=0,
            rates=TOY_RATES,
            device=torch.device("cpu"),
            weight_decay=0.01,
        )
        schedule = Schedule(epochs=[[np.arange(8), np.arange(8, 16)]])
        train(prepared, SPLIT, schedule, on_step=lambda *_: None, on_point=lambda *_: None)
        return prepared

    return trained


@pytest.fixture
def keep(base: Path, tmp_path: Path) -> Keep:
    """Save a model; where it is, and its logits before that."""

    def keep(
        prepared: Prepared, base: Path = base, reload: Callable[[], nn.Module] | None = None
    ) -> tuple[Path, torch.Tensor]:
        prepared.forward.close()
        logits = _logits(prepared.model)
        save(
            prepared,
            tmp_path / "kept",
            base=str(base),
            reload=reload or (lambda: deepcopy(_loaded(base).model)),
            tokenizer=AutoTokenizer.from_pretrained(base),
            split=SPLIT,
        )
        return tmp_path / "kept", logits

    return keep


def _logits(model: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(**collate(SPLIT, range(len(SPLIT)), 0).inputs).logits
    return logits


def _load(directory: Path) -> nn.Module:
    """Load as docs/your-data.md says."""
    if not (directory / "adapter_config.json").exists():
        model: nn.Module = AutoModelForSequenceClassification.from_pretrained(directory)
        return model
    base = json.loads((directory / "adapter_config.json").read_text())["base_model_name_or_path"]
    config = AutoConfig.from_pretrained(directory)
    return PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(base, config=config), directory)


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_and_head_are_those_that_were_trained(
    kind: str, trained: Trained, keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = trained(Adapted(kind))
    size = deploy_bytes(prepared)
    capsys.readouterr()

    directory, logits = keep(prepared)

    assert capsys.readouterr().err == ""
    assert ADAPTER_FILES & {file.name for file in directory.iterdir()} == (
        set() if kind in REWRITES_THE_BASE else ADAPTER_FILES
    )
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)
    assert AutoConfig.from_pretrained(directory).id2label == dict(enumerate(LABELS))
    (file,) = directory.glob("*.safetensors")
    header = 8 + int.from_bytes(file.read_bytes()[:8], "little")
    other = (
        0
        if kind not in REWRITES_THE_BASE
        else sum(p.nbytes for n, p in prepared.params.items() if "proj" not in n and n != "score.weight")
    )
    assert size == file.stat().st_size - header - other


def test_peft_finds_the_base_by_itself(trained: Trained, keep: Keep) -> None:
    directory, logits = keep(trained(Adapted("lora")))
    assert _logits(AutoPeftModelForSequenceClassification.from_pretrained(directory, num_labels=3)) == pytest.approx(
        logits, rel=1e-5, abs=1e-5
    )


def test_no_path_of_the_machine_is_shipped_but_the_name_that_the_user_gave(
    trained: Trained, keep: Keep, base: Path
) -> None:
    directory, _ = keep(trained(Adapted("lora")))
    texts = {file.name: file.read_text() for file in directory.iterdir() if file.suffix in {".md", ".json"}}
    assert {name for name, text in texts.items() if str(base.parent) in text} == {"adapter_config.json"}
    assert "base_model: tiny" in texts["README.md"]


@pytest.mark.parametrize("whole", [(), ("embeddings", "head"), ("layer 1", "head")])
def test_whatever_else_trains_is_kept_as_well(whole: tuple[str, ...], trained: Trained, keep: Keep) -> None:
    directory, logits = keep(trained(Adapted("lora", whole)))

    # In layer 1 stand adapters, beside which its own weights cannot be kept.
    assert (directory / "adapter_config.json").exists() == ("layer 1" not in whole)
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", ["Bert", "Roberta", "DistilBert", "GPT2", "Gemma2"])
def test_heads_and_poolers_of_other_models(
    name: str, classifier: Callable[..., PreTrainedModel], trained: Trained, keep: Keep, tmp_path: Path
) -> None:
    base = save_tiny_llama(tmp_path / name)
    with quiet():
        cast("PreTrainedModel", classifier(name).base_model).save_pretrained(base)

    directory, logits = keep(trained(Adapted("lora"), base), base)

    assert (directory / "adapter_config.json").exists()
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


def test_adapters_that_do_not_load_are_merged(trained: Trained, keep: Keep) -> None:
    directory, logits = keep(trained(Adapted("lora")), reload=nn.Identity)
    assert not ADAPTER_FILES & {file.name for file in directory.iterdir()}
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


class Added(nn.Module):
    """A linear layer, and a vector added to what it gives: an adapter of somebody who does not know peft."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear, self.added = linear, nn.Parameter(torch.full((linear.in_features,), 0.1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs * (1 + self.added))


class Mergeable(Added):
    def merge_and_unload(self) -> nn.Linear:
        with torch.no_grad():
            self.linear.weight.mul_(1 + self.added)
        return self.linear


class Wrong(Added):
    def merge_and_unload(self) -> nn.Linear:
        return self.linear


@dataclass(frozen=True)
class Adding:
    """Add vectors to the linear layers."""

    module: type[Added]
    stage: ClassVar[TransformStage] = TransformStage.ADAPT

    def __call__(self, model: PreTrainedModel) -> nn.Module:
        for name, module in list(model.base_model.named_modules()):
            if isinstance(module, nn.Linear):
                model.base_model.set_submodule(name, self.module(module))
        return model

    def edit(self, view: ModelView) -> Edit:
        return Edit(phases=(Phase(0, frozenset({view.head})),), transforms=(self,))


def test_adapters_of_a_third_party_are_merged(trained: Trained, keep: Keep) -> None:
    directory, logits = keep(trained(Adding(Mergeable)))
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("module", "reason"), [(Added, "offers merge_and_unload"), (Wrong, "other logits once its adapters are merged")]
)
def test_what_cannot_be_kept_is_refused(module: type[Added], reason: str, trained: Trained, keep: Keep) -> None:
    with pytest.raises(Unsupported, match=reason):
        keep(trained(Adding(module)))
