"""What is kept of a run loads as users load models, and gives the logits of the model that was trained."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import pytest
import torch
from peft import AutoPeftModelForSequenceClassification, PeftModel
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from bench.errors import Unsupported
from bench.plan import Edit, TransformStage, throughout
from bench.training.forward.padded import collate
from bench.training.passes.weights import store_weights
from bench.worker.changed import deploy_bytes
from bench.worker.saving import save
from bench.workload.data.dataset import load_data
from bench.workload.models.quiet import quiet
from bench.workload.toy import save_tiny_llama
from tests.worker.adapted import KINDS, LABELS, SPLIT, Adapted, Averaged, loaded, save_base, trained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.experiment.spec import WorkloadSpec
    from bench.plan import ModelView
    from bench.records.record import RunRecord
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

    Keep = Callable[..., tuple[Path, torch.Tensor]]

REWRITES_THE_BASE = {"pissa", "olora"}
ADAPTER_FILES = {"adapter_config.json", "adapter_model.safetensors", "README.md"}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of peft


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "tiny")


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
            reload=reload or (lambda: deepcopy(loaded(base).model)),
            tokenizer=AutoTokenizer.from_pretrained(base),
            split=SPLIT,
        )
        return tmp_path / "kept", logits

    return keep


def _logits(model: nn.Module, split: Split = SPLIT) -> torch.Tensor:
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(**collate(split, range(len(split)), 0).inputs).logits
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
    kind: str, keep: Keep, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = trained(Adapted(kind), base)
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


def test_peft_finds_the_base_by_itself(keep: Keep, base: Path) -> None:
    directory, logits = keep(trained(Adapted("lora"), base))
    assert _logits(AutoPeftModelForSequenceClassification.from_pretrained(directory, num_labels=3)) == pytest.approx(
        logits, rel=1e-5, abs=1e-5
    )


def test_no_path_of_the_machine_is_shipped_but_the_name_that_the_user_gave(keep: Keep, base: Path) -> None:
    directory, _ = keep(trained(Adapted("lora"), base))
    texts = {file.name: file.read_text() for file in directory.iterdir() if file.suffix in {".md", ".json"}}
    assert {name for name, text in texts.items() if str(base.parent) in text} == {"adapter_config.json"}
    assert "base_model: tiny" in texts["README.md"]


@pytest.mark.parametrize("whole", [(), ("embeddings", "head"), ("layer 1", "head")])
def test_whatever_else_trains_is_kept_as_well(whole: tuple[str, ...], keep: Keep, base: Path) -> None:
    directory, logits = keep(trained(Adapted("lora", whole), base))

    # In layer 1 stand adapters, beside which its own weights cannot be kept.
    assert (directory / "adapter_config.json").exists() == ("layer 1" not in whole)
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", ["Bert", "Roberta", "DistilBert", "GPT2", "Gemma2"])
def test_heads_and_poolers_of_other_models(
    name: str, classifier: Callable[..., PreTrainedModel], keep: Keep, tmp_path: Path
) -> None:
    base = save_tiny_llama(tmp_path / name)
    with quiet():
        cast("PreTrainedModel", classifier(name).base_model).save_pretrained(base)

    directory, logits = keep(trained(Adapted("lora"), base), base)

    assert (directory / "adapter_config.json").exists()
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


def test_what_is_kept_is_the_average(keep: Keep, base: Path) -> None:
    prepared = trained(Averaged("lora"), base)
    prepared.forward.close()
    with prepared.evaluating():
        average = _logits(prepared.model)

    directory, last = keep(prepared)

    assert _logits(_load(directory)) == pytest.approx(average, rel=1e-5, abs=1e-5)
    assert last != pytest.approx(average, rel=1e-3)


def test_adapters_that_do_not_load_are_merged(keep: Keep, base: Path) -> None:
    directory, logits = keep(trained(Adapted("lora"), base), reload=nn.Identity)
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
        return Edit(phases=throughout({view.head}), transforms=(self,))


def test_adapters_of_a_third_party_are_merged(keep: Keep, base: Path) -> None:
    directory, logits = keep(trained(Adding(Mergeable), base))
    assert _logits(_load(directory)) == pytest.approx(logits, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    ("module", "reason"), [(Added, "offers merge_and_unload"), (Wrong, "other logits once its adapters are merged")]
)
def test_what_cannot_be_kept_is_refused(module: type[Added], reason: str, keep: Keep, base: Path) -> None:
    with pytest.raises(Unsupported, match=reason):
        keep(trained(Adding(module), base))


@dataclass(frozen=True)
class Stored:
    """Store frozen weights in fewer bits, below adapters or without."""

    kind: Literal["bf16", "int8", "nf4"]
    adapters: bool = False

    def edit(self, view: ModelView) -> Edit:
        more = Adapted("lora").edit(view) if self.adapters else Edit(phases=throughout(frozenset({view.head})))
        return Edit(frozen_weights=self.kind, precision="bf16" if self.kind == "bf16" else "fp32", **more)  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["bf16", "int8", "nf4"])
def test_weights_that_were_stored_in_fewer_bits_are_kept_as_plain_ones(kind: Any, keep: Keep, base: Path) -> None:
    prepared = trained(Stored(kind), base)
    with prepared.precision.forward():
        directory, logits = keep(prepared)
    model = cast("PreTrainedModel", _load(directory))
    assert all(param.is_floating_point() for param in model.parameters())
    tolerance = 1e-5 if kind != "bf16" else 5e-2
    assert _logits(model.float()) == pytest.approx(logits.float(), rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("kind", ["int8", "nf4"])
def test_adapters_above_weights_in_few_bits_are_kept_apart(kind: Any, keep: Keep, base: Path) -> None:
    prepared = trained(Stored(kind, adapters=True), base)

    def reload() -> nn.Module:
        model = deepcopy(loaded(base).model)
        options: Any = {"weights": "fp32", "frozen_weights": kind, "precision": torch.float32}
        store_weights(model, {"score.weight"}, **options, device=torch.device("cpu"))
        return model

    directory, _ = keep(prepared, reload=reload)
    assert {file.name for file in directory.iterdir()} >= ADAPTER_FILES


@pytest.mark.parametrize(
    "text",
    ["full", "lora", "pissa", "lora+amp:dtype=bf16", "lora+frozen:weights=nf4", "adapter:type=hra"],
)
def test_what_is_kept_is_what_was_evaluated(
    text: str,
    run: Callable[..., tuple[RunRecord, list[str]]],
    workload: WorkloadSpec,
    base: Path,
    tmp_path: Path,
) -> None:
    workload = workload.model_copy(update={"model": str(base)})

    record, _ = run(text, save_model=str(tmp_path / "kept"), workload=workload)

    assert record.measured is not None, record.reason
    assert not {"not-saved", "not-merged"} & {flag.code for flag in record.flags}
    assert (tmp_path / "kept" / "adapter_config.json").exists() == text.startswith(("lora", "adapter"))
    evaluation = load_data(workload).evaluation
    logits = _logits(_load(tmp_path / "kept"), evaluation)
    loss = nn.functional.cross_entropy(logits, torch.from_numpy(evaluation.labels))
    # In fp32 here, and by the plain weights of the checkpoint beside adapters that were trained on those in four bits.
    assert loss.item() == pytest.approx(record.measured.evaluation.loss, rel=0.05 if "+" in text else 1e-4)
