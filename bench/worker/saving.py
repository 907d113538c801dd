"""Keeps what was trained: adapters and head apart where a reload gives the same logits, else a whole model.

What a model offers decides, as `bench.worker.changed` says. Where the model, or any module in it, has a
`merge_and_unload()`, what that returns takes its place, as a plain module.
"""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from bench.errors import Unsupported
from bench.training.forward.padded import collate
from bench.training.forward.trial import TOLERANCES
from bench.training.precision import is_mixed
from bench.worker.changed import modules_beside_adapters, tensors_of
from bench.worker.saved_prompt import keep_prompt
from bench.workload.models.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from bench.training.forward.batch import Batch
    from bench.training.prepared import Prepared
    from bench.workload.data.dataset import Split

__all__ = ["save", "trained_logits"]

CONFIG, WEIGHTS, CARD = "adapter_config.json", "adapter_model.safetensors", "README.md"
"""The files of peft, beside which stand those of transformers."""


def save(
    prepared: Prepared,
    directory: Path,
    *,
    base: str,
    reload: Callable[[], nn.Module],
    tokenizer: PreTrainedTokenizerBase,
    split: Split,
    wanted: torch.Tensor | None = None,
) -> None:
    """Write what was trained into `directory`, in the layout of transformers or of peft.

    Args:
        prepared: Has trained; not to be used any more.
        directory: Is made.
        base: By which name the user knows the model that was trained.
        reload: Loads that model once more, its weights stored as those of `prepared` were before training.
        tokenizer: Of the model.
        split: On its longest row what was kept is compared with what was trained.
        wanted: As `trained_logits` returns them of the model that trained, where that is another with the same weights.

    Raises:
        Unsupported: what a transform added can neither be kept beside the model nor merged into its weights.

    """
    model: Any = prepared.model
    prompt, modules = prepared.prompt, modules_beside_adapters(prepared)
    with _as_evaluated(prepared):
        batch = _longest(prepared, split, tokenizer)
        wanted = _logits(model, batch) if wanted is None else wanted.to(prepared.device)
        if not prompt:
            tokenizer.save_pretrained(directory)
        if modules is not None:
            with suppress(Exception):  # of an adapter that cannot be kept apart, or loaded: it is merged
                _save_adapters(model, modules, directory, base)
                if _agree(wanted, _logits(_with_adapters(reload(), directory), batch)):
                    return
            for name in (CONFIG, WEIGHTS, CARD):
                (directory / name).unlink(missing_ok=True)
        merged = _merged(model, set(prepared.params))
        if not _agree(wanted, _logits(merged, batch)):
            raise Unsupported("the model gives other logits once its adapters are merged into its weights")
        if not all(param.is_floating_point() for param in merged.parameters()):
            from bench.training.savings.quantised_linear import dequantise  # noqa: PLC0415  (it needs bitsandbytes)

            dequantise(merged)
        if prompt:
            keep_prompt(merged, tokenizer, prompt)
            tokenizer.save_pretrained(directory)
        merged.save_pretrained(directory)


def trained_logits(prepared: Prepared, split: Split, tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """Run the model that was trained on the longest row of a split, plainly; all ranks must ask where each has a part: (1, labels)."""
    with _as_evaluated(prepared):
        return _logits(prepared.model, _longest(prepared, split, tokenizer))


@contextmanager
def _as_evaluated(prepared: Prepared) -> Iterator[None]:
    prepared.forward.close()
    autocast = prepared.precision.forward() if is_mixed(prepared.model) else nullcontext()
    with quiet(), warnings.catch_warnings(action="ignore"), torch.no_grad(), prepared.evaluating(), autocast:
        yield


def _longest(prepared: Prepared, split: Split, tokenizer: PreTrainedTokenizerBase) -> Batch:
    longest = [int(split.lengths.argmax())]
    if prompt := prepared.prompt:
        split, longest = prompt.before(split, longest), [0]
    return collate(split, longest, tokenizer.pad_token_id).to(prepared.device)


def _save_adapters(model: Any, modules: Mapping[str, nn.Module], directory: Path, base: str) -> None:
    """Write adapters, and modules beside them, as peft reads them; its card for readers gets no path of this machine."""
    adapters, classifier = model.peft_config["default"], model.get_base_model()
    shown = Path(base).name if Path(base).exists() else base
    adapters.base_model_name_or_path = classifier.name_or_path = classifier.config.name_or_path = shown
    adapters.modules_to_save = sorted(modules)
    # Else peft asks the Hub whether the embeddings were resized.
    model.save_pretrained(directory, save_embedding_layers=False)
    classifier.config.save_pretrained(directory)
    config, weights = directory / CONFIG, directory / WEIGHTS
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": base}, indent=2) + "\n")
    save_file(load_file(weights) | tensors_of(modules), weights, {"format": "pt"})


def _with_adapters(base: nn.Module, directory: Path) -> nn.Module:
    from peft import PeftModel  # noqa: PLC0415  (where there are adapters alone)

    model: nn.Module = PeftModel.from_pretrained(base, directory)
    return model.eval()


def _merged(model: Any, names: set[str]) -> PreTrainedModel:
    """Return a plain model, which has the parameters of these names."""
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    for name, module in list(model.named_modules()):
        if hasattr(module, "merge_and_unload"):
            model.set_submodule(name, module.merge_and_unload())
    if other := sorted(names ^ {name for name, _ in model.named_parameters()}):
        raise Unsupported(
            f"{other[0]} is no parameter of the plain model, or is missing: a transform whose model is to be kept offers merge_and_unload()"
        )
    plain: PreTrainedModel = model
    return plain


def _logits(model: nn.Module, batch: Batch) -> torch.Tensor:
    logits: torch.Tensor = model(**batch.inputs).logits
    return logits


def _agree(wanted: torch.Tensor, found: torch.Tensor) -> bool:
    return bool((found - wanted).abs().max() <= TOLERANCES[wanted.dtype] * wanted.abs().max())
