"""Writes a measured strategy as a script for transformers' Trainer, with peft where it has adapters."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from torch import nn
from transformers import AutoTokenizer, TrainingArguments

from bench.errors import UsageError
from bench.exporting.adapters import adapters_of
from bench.exporting.expressible import HALVES, SCHEDULES, left_out, refuse_others
from bench.exporting.name_patterns import name_patterns
from bench.exporting.places import model_place
from bench.exporting.rows import columns_of
from bench.workload.data.batches import WINDOW, micro_batches
from bench.workload.models.heads import rows_of
from bench.workload.models.load import load_config, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.exporting.measured import Measured

__all__ = ["trainer_script"]

KNOWN = {
    "phases",
    "lr",
    "lr_scale",
    "lr_schedule",
    "precision",
    "weights",
    "checkpoint",
    "micro_batch_size",
    "embedding_noise",
    "transforms",
}
"""Fields of the plan that a script can say."""
WIDTH = 120
"""Of a line of a script."""
_TEMPLATES = Path(__file__).with_name("templates")


def trainer_script(measured: Measured, stem: str) -> str:
    """Write the script; rows are to lie beside it in `stem`-train.jsonl and `stem`-eval.jsonl.

    Raises:
        UsageError: a script cannot say what was measured; the message says what of it.

    """
    refuse_others(measured, "trainer", known=KNOWN)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (no page: every value is written as Python writes it)
    )
    environment.filters["python"] = _python
    environment.globals["call"] = _call
    return environment.get_template("trainer.py.jinja").render(stem=stem, **_values(measured, stem))


def _values(measured: Measured, stem: str) -> dict[str, Any]:
    spec, plan, inputs = measured.record.spec, measured.plan, measured.inputs
    workload, data = spec.workload, inputs.data
    tokenizer = load_tokenizer(workload.model)
    own = AutoTokenizer.from_pretrained(model_place(workload.model))
    texts, label = columns_of(workload, measured.chosen.train)
    adapters = adapters_of(measured.prepared.model)
    if plan.transforms and adapters is None:
        raise UsageError(f"{spec.name} cannot be exported to trainer: what it adds to the model is none of peft's")
    assert data.summary.lengths
    return {
        "model_name": workload.model,
        "strategy": spec.name,
        "measured": _head(measured),
        "packages": _packages(measured, with_peft=adapters is not None),
        "model": model_place(workload.model),
        "train_file": f"{stem}-train.jsonl",
        "eval_file": f"{stem}-eval.jsonl",
        "output": stem,
        "texts": texts,
        "label": label,
        "labels": list(data.label_names),
        "max_length": data.summary.lengths.limit,
        "num_epochs": len(measured.schedule.epochs),
        "batch_size": spec.batch_size,
        "seed": spec.seed,
        "num_parts": _num_parts(measured),
        "max_steps": spec.steps,
        "weight_decay": spec.weight_decay,
        "rates": name_patterns(measured.rates).items(),
        "pad_token": tokenizer.pad_token if tokenizer.pad_token != own.pad_token else None,
        "pads": inputs.loaded.model.config.pad_token_id != load_config(workload.model).pad_token_id,
        "token_types": data.train.token_types is not None,
        "window": WINDOW,
        "model_options": list(_model_options(measured)),
        "weights": {"fp32": "float32", "bf16": "bfloat16"}[plan.weights],
        "adapters": adapters and {"kind": adapters[0], "options": adapters[1].items()},
        "drops_in_frozen": _drops_out(measured) and None in measured.rates.values(),
        "lr_scheduler_type": SCHEDULES[plan.lr_schedule],
        "num_warmup_steps": measured.schedule.num_warmup_steps,
        "max_grad_norm": spec.max_grad_norm,
        "training_options": list(_training_options(measured)),
    }


def _head(measured: Measured) -> Iterator[str]:
    """Say what was measured, and what differs."""
    record, found = measured.record, measured.measured
    seeds = ", ".join(map(str, measured.seeds))
    yield (
        f"As it was measured by bench on {record.started_at:%-d %B %Y}: accuracy {found.evaluation.accuracy:.3f} with seed "
        f"{record.spec.seed}"
        + (f" (of {seeds})" if len(measured.seeds) > 1 else "")
        + f", trained in {found.train_seconds:.1f} s"
        + (f" on {record.environment.device_name}." if record.environment else ".")
    )
    yield "Rows are padded to the longest of their batch, where bench may compute no padding: speed differs, numbers do not."
    if _drops_out(measured):
        yield "Dropout draws other random numbers than it did there, so that losses differ by chance."
    if measured.plan.embedding_noise:
        yield "Noise on embeddings is divided by the root of the padded length here, and by that of each row there."
    yield from left_out(measured)


def _packages(measured: Measured, *, with_peft: bool) -> list[str]:
    environment = measured.record.environment
    versions = environment.versions if environment else {}
    names = ("torch", "transformers", *(["peft"] if with_peft else []), "accelerate", "datasets")
    return [f"{name}=={versions[name].partition('+')[0]}" if name in versions else name for name in names]


def _num_parts(measured: Measured) -> int:
    """Return the forward passes of every step, among which the Trainer counts."""
    size = measured.plan.micro_batch_size
    most = max(len(list(micro_batches(rows, size))) for rows in measured.schedule.batches)
    if min(map(len, measured.schedule.batches)) < most:
        raise UsageError(
            f"{measured.record.spec.name} cannot be exported to trainer: it has {most} forward passes in a step, "
            "and a smaller batch at the end of an epoch has fewer rows than that"
        )
    return most


def _drops_out(measured: Measured) -> bool:
    """Whether the model, or an adapter, has any dropout: as a module, or as a setting that attention reads."""
    settings = measured.inputs.loaded.model.config.to_dict()
    of_settings = (value for name, value in settings.items() if "drop" in name and isinstance(value, int | float))
    modules = (module.p for module in measured.prepared.model.modules() if isinstance(module, nn.Dropout))
    return any(of_settings) or any(modules)


def _model_options(measured: Measured) -> Iterator[str]:
    """Options of loading the model that its checkpoint needs."""
    workload, origin = measured.record.spec.workload, measured.inputs.loaded.head
    config = load_config(workload.model)
    labels = measured.inputs.data.label_names
    if origin.is_of_checkpoint:
        if rows_of(config, labels) != tuple(range(config.num_labels or 0)):
            raise UsageError(
                f"{workload.model}: the checkpoint's own head was taken, with its classes in another order or number than "
                "the data's, which a script cannot say shortly"
            )
    elif not origin.is_plain:
        if config.num_labels == len(labels):
            raise UsageError(
                f"{workload.model}: its own head has as many classes as the data, and was drawn anew ({origin.reason}); a "
                "script would go on with it"
            )
        yield "ignore_mismatched_sizes=True"
    if config.problem_type not in (None, "single_label_classification"):
        yield 'problem_type="single_label_classification"'


def _training_options(measured: Measured) -> Iterator[str]:
    """Options of the Trainer that follow from the plan."""
    plan, view = measured.plan, measured.inputs.view
    if plan.precision != "fp32" and (half := HALVES.get(measured.measured.compute_dtype)):
        yield f"{half}=True"
        yield "use_cpu=not torch.cuda.is_available()"  # half precision on a CPU must be asked for
    if plan.checkpoint:
        if plan.checkpoint != set(view.names[1:-1]):
            raise UsageError(
                f"{measured.record.spec.name} cannot be exported to trainer, which recomputes the activations of all layers or of none"
            )
        known = {field.name for field in fields(TrainingArguments)}
        yield f"{'activation' if 'activation_checkpointing' in known else 'gradient'}_checkpointing=True"
    if plan.embedding_noise:
        yield f"neftune_noise_alpha={plan.embedding_noise!r}"
    if plan.compile:
        yield "torch_compile=True"


def _python(value: object) -> str:
    """Write a value as a formatted script has it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_python, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_python(key)}: {_python(one)}" for key, one in value.items()) + "}"
    return repr(value)


def _call(what: str, options: Iterable[tuple[str, object]]) -> str:
    """Write a call in one line, or with a line for each option where that is too long."""
    written = [f"{name}={_python(value)}" for name, value in options]
    line = f"{what}({', '.join(written)})"
    return line if len(line) <= WIDTH else "\n".join([f"{what}(", *(f"    {one}," for one in written), ")"])
