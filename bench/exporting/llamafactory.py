"""Writes a measured strategy as YAML for LLaMA-Factory, as far as it can say it; its arguments are those of version 0.9.5.

It has no classification. What comes nearest is its stage `sft`: a causal language model learns to write the name of the
class after the text. So the head and its rate have no place there, and no number of the run is promised: the file says so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
)

from bench.errors import UsageError
from bench.exporting.adapters import adapters_of
from bench.exporting.expressible import HALVES, SCHEDULES, left_out, refuse_others
from bench.exporting.places import model_place
from bench.exporting.rows import columns_of
from bench.plan.train_plan import field_rules
from bench.plan.view import ADAPTERS
from bench.workload.models.load import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.exporting.measured import Measured

__all__ = ["dataset_info", "llamafactory_yaml"]

KNOWN = {
    *("phases", "lr", "lr_scale", "lr_schedule", "precision", "weights", "frozen_weights"),
    *("checkpoint", "micro_batch_size", "embedding_noise", "transforms"),
}
"""Fields of the plan that it can say."""
BITS = {"nf4": 4, "int8": 8}
ROOM = 16
"""Tokens that its template puts around a text."""


def llamafactory_yaml(measured: Measured, stem: str) -> str:
    """Write the file; rows are to lie beside it in `stem`-train.jsonl and `stem`-eval.jsonl, which dataset_info.json names.

    Raises:
        UsageError: LLaMA-Factory cannot do what was measured; the message says what of it.

    """
    refuse_others(measured, "llamafactory", known=KNOWN)
    model_type = measured.inputs.view.model_type
    if model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise _refused(measured, f"it trains causal language models, and {model_type} is none")
    sections = {
        "model": _model(measured),
        "method": dict(_method(measured)),
        "dataset": _dataset(measured, stem),
        "train": dict(_train(measured)),
        "output": {"output_dir": stem, "logging_steps": 10, "save_strategy": "no", "report_to": "none"},
    }
    lines = [f"# {line}".rstrip() for line in _head(measured, stem)]
    for title, arguments in sections.items():
        lines += ["", f"### {title}", *(f"{name}: {_scalar(value)}" for name, value in arguments.items())]
    return "\n".join(lines) + "\n"


def dataset_info(measured: Measured, stem: str) -> dict[str, Any]:
    """Describe the files of rows as LLaMA-Factory wants it in the dataset_info.json beside them."""
    texts, label = columns_of(measured.record.spec.workload, measured.chosen.train)
    columns = dict(zip(("prompt", "query"), texts, strict=False)) | {"response": label}
    return {
        f"{stem}-{split}": {"file_name": f"{stem}-{split}.jsonl", "columns": columns} for split in ("train", "eval")
    }


def _head(measured: Measured, stem: str) -> Iterator[str]:
    spec, plan, rates = measured.record.spec, measured.plan, measured.prepared.resolved.rates
    view = measured.inputs.view
    yield f"{spec.workload.model} with {spec.name}, for LLaMA-Factory (arguments of 0.9.5). In this folder: llamafactory-cli train {stem}.yaml"
    yield ""
    yield "Differs from what bench measured, so that its numbers are not promised here:"
    yield "- It has no classification. The model learns to write the name of the class after the text, and the loss is of that name."
    yield f"- There is no head: its rate of {rates[view.head]:g} has no place, and what the model writes is to be compared with the classes."
    yield "- A template stands around each text: take that of your model where it was trained on instructions."
    yield "- Rows come in another order, and those of a batch are not of like length."
    if ADAPTERS not in rates and (norms := _above_layers(measured)) and _num_top_layers(measured):
        yield f"- {', '.join(norms)}, above the layers, stays frozen: it would take every module of that name along."
    if "fp32" not in plan.precision and None in measured.rates.values():
        yield (
            "- What is frozen is stored in the half precision, and not in fp32."
            if not plan.frozen_weights
            else ("- Frozen weights beside the linear layers are stored in the half precision.")
        )
    if plan.precision == "fp32" and plan.weights == "fp32":
        yield "- A checkpoint that is stored in half precision is loaded in it, and only what trains is in fp32."
    if plan.embedding_noise:
        yield "- Noise on embeddings is divided by the root of the padded length, and not by that of each row."
    yield from (f"- {said}" for said in left_out(measured))
    yield ""
    yield "dataset_info.json beside the rows:"
    yield json.dumps(dataset_info(measured, stem), ensure_ascii=False)


def _model(measured: Measured) -> dict[str, Any]:
    plan, view = measured.plan, measured.inputs.view
    found: dict[str, Any] = {"model_name_or_path": model_place(measured.record.spec.workload.model)}
    if bits := BITS.get(plan.frozen_weights or ""):
        found |= {"quantization_bit": bits, "quantization_method": "bnb"}
    if bits == BITS["nf4"]:
        found |= {"quantization_type": "nf4", "double_quantization": True}
    if plan.checkpoint and plan.checkpoint != set(view.names[1:-1]):
        raise _refused(measured, "it recomputes the activations of all layers or of none")
    return found | ({"use_reentrant_gc": False} if plan.checkpoint else {"disable_gradient_checkpointing": True})


def _method(measured: Measured) -> Iterator[tuple[str, Any]]:
    """What trains."""
    yield from (("stage", "sft"), ("do_train", True), ("do_eval", True))
    view, plan = measured.inputs.view, measured.plan
    trained = view.params_of(*plan.phases.ever()).difference(view.layers[-1].param_names)
    of_body = frozenset(name for layer in view.layers[:-1] for name in layer.param_names)
    if adapters := adapters_of(measured.prepared.model):
        if trained:
            raise _refused(measured, "it trains nothing of the model beside adapters")
        yield "finetuning_type", "lora"
        yield from _lora(measured, *adapters)
    elif plan.transforms:
        raise _refused(measured, "what is added to the model is none of peft's")
    elif not trained:
        raise _refused(measured, "it has no head, and nothing else trains")
    elif trained == of_body:
        yield "finetuning_type", "full"
    elif num := _num_top_layers(measured):
        yield from (("finetuning_type", "freeze"), ("freeze_trainable_layers", num))
    else:
        raise _refused(
            measured, f"it freezes whole layers from the bottom: {field_rules()['phases'].words(plan.phases, view)}"
        )
    if plan.weights == "bf16":
        yield "pure_bf16", True


def _lora(measured: Measured, kind: str, options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = {"r", "lora_alpha", "lora_dropout", "target_modules", "use_dora", "use_rslora"}
    init, targets = options.get("init_lora_weights", True), options.get("target_modules")
    others = sorted(options.keys() - known - ({"init_lora_weights"} if init == "pissa" else set()))
    if kind != "LoraConfig" or others or not isinstance(targets, list):
        what = f"{kind} with {', '.join(others)}" if others else kind
        raise _refused(measured, f"of peft's adapters it has LoRA, DoRA, rsLoRA and PiSSA, and these are {what}")
    yield "lora_rank", options["r"]
    yield "lora_alpha", options["lora_alpha"]
    yield "lora_dropout", options.get("lora_dropout", 0.0)
    yield "lora_target", ",".join(targets)
    yield from ((name, True) for name in ("use_dora", "use_rslora") if options.get(name))
    if init == "pissa":
        yield from (("pissa_init", True), ("pissa_iter", -1))
    rates = measured.prepared.resolved.rates
    parts = {key.partition(":")[2]: rate for key, rate in rates.items() if key.startswith(f"{ADAPTERS}:")}
    if parts.keys() - {"lora_B"}:
        raise _refused(measured, f"it has no rate of its own for {', '.join(parts)}")
    if parts:
        yield "loraplus_lr_ratio", parts["lora_B"] / rates[ADAPTERS]


def _num_top_layers(measured: Measured) -> int:
    """Count the layers that train whole, where they are the topmost of those that there are and nothing else does; else 0."""
    view = measured.inputs.view
    trained = view.params_of(*measured.plan.phases.ever())
    num = sum(1 for layer in view.layers[1:-1] if trained.issuperset(layer.param_names))
    top = {name for layer in view.layers[-1 - num :] for name in layer.param_names}
    return num if trained == top else 0


def _above_layers(measured: Measured) -> list[str]:
    """Name what lies above all layers, a final norm, and belongs to the last one."""
    first = measured.inputs.view.layers[-2].param_names[0].split(".")
    inside = ".".join(first[: next(place for place, part in enumerate(first) if part.isdigit()) + 1])
    return [name for name in measured.inputs.view.layers[-2].param_names if not name.startswith(f"{inside}.")]


def _dataset(measured: Measured, stem: str) -> dict[str, Any]:
    data = measured.inputs.data
    assert data.summary.lengths
    tokenizer = load_tokenizer(measured.record.spec.workload.model)
    names = max(len(tokenizer(name)["input_ids"]) for name in data.label_names)
    return {
        "dataset": f"{stem}-train",
        "eval_dataset": f"{stem}-eval",
        "dataset_dir": ".",
        "template": "default",
        "cutoff_len": data.summary.lengths.limit + names + ROOM,
    }


def _train(measured: Measured) -> Iterator[tuple[str, Any]]:
    spec, plan = measured.record.spec, measured.plan
    most = plan.micro_batch_size or spec.batch_size
    size = max(size for size in range(1, most + 1) if spec.batch_size % size == 0)
    yield from (
        ("per_device_train_batch_size", size),
        ("gradient_accumulation_steps", spec.batch_size // size),
        ("learning_rate", _rate(measured)),
        ("lr_scheduler_type", SCHEDULES[plan.lr_schedule]),
        ("warmup_steps", measured.schedule.num_warmup_steps),
        ("max_steps", spec.steps) if spec.steps else ("num_train_epochs", spec.epochs),
        ("optim", "adamw_torch_fused"),
        ("weight_decay", spec.weight_decay),
        ("max_grad_norm", spec.max_grad_norm),
        ("seed", spec.seed),
    )
    if plan.precision != "fp32" and (half := HALVES.get(measured.measured.compute_dtype)):
        yield half, True
    if plan.embedding_noise:
        yield "neftune_noise_alpha", plan.embedding_noise
    if plan.compile:
        yield "torch_compile", True


def _rate(measured: Measured) -> float:
    """Return the one rate below the head."""
    rates = measured.prepared.resolved.rates
    if ADAPTERS in rates:
        return rates[ADAPTERS]
    below = {rate for layer, rate in rates.items() if layer != measured.inputs.view.head}
    if len(below) > 1:
        raise _refused(measured, f"it has one rate for all layers, and here they are {min(below):g} to {max(below):g}")
    return below.pop()


def _refused(measured: Measured, why: str) -> UsageError:
    return UsageError(f"{measured.record.spec.name} cannot be exported to llamafactory: {why}")


def _scalar(value: object) -> str:
    """Write a value as YAML of every version reads it: a power of ten needs a point before it."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text
