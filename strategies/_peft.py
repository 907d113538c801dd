"""peft as the strategies of adapters ask for it: imported late and quietly, and its types of adapters by name."""

from __future__ import annotations

import dataclasses
import functools
import operator
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from bench.errors import UnknownName, UsageError, first_line
from bench.plan.option_text import read
from bench.plan.quiet import quietly

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "check_type",
    "feedforward_targets",
    "make_config",
    "options_by_type",
    "options_of",
    "read_options",
    "rewrites_weights",
    "targets_by_default",
    "types",
]

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "dora": {"use_dora": True},
    "olora": {"init_lora_weights": "olora"},
    "pissa": {"init_lora_weights": "pissa"},
    "rslora": {"use_rslora": True},
}
"""What has a name of its own in the literature, and is to peft its type lora with an option set."""

REFUSED: Mapping[str, str] = {
    "adalora": "is a strategy of its own, which moves ranks between layers after each step: adalora",
    "adaption_prompt": "is for the generation of text alone",
    "poly": "learns several tasks at once, and here is one",
    "shadow": "trains a second model beside this one, with a loss of its own",
    "trainable_tokens": "trains the embeddings of tokens that are picked by number, which differ by tokenizer",
    "xlora": "mixes adapters that are trained already",
}
"""Types of peft that make no sense here, and why; a prompt is refused whatever it is called."""

HIDDEN = frozenset(
    {"bias", "modules_to_save"}  # what else trains is said by other strategies
    | {"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"}  # `target` and `last` say it
    | {"layer_replication", "megatron_config", "megatron_core", "target_parameters", "trainable_token_indices"}
    | {"use_asa", "alora_invocation_tokens"}  # a loop, or inputs, made for them
)
"""Options of peft that no strategy passes on."""

AFTER_A_LOOK = ("corda", "eva")
"""Ways to begin an adapter that peft leaves to a look at rows, without which it is another."""


def types() -> dict[str, type[Any]]:
    """Every type of adapter that can be trained here, by name: its configuration in peft."""
    known = _configs()
    able = {name: config for name, config in known.items() if not _why_refused(name, config)}
    return dict(sorted((able | dict.fromkeys(VARIANTS, known["lora"])).items()))


def check_type(name: str) -> None:
    """Refuse a name that is no type of adapter, or one of peft's that makes no sense here.

    Raises:
        UsageError: in words.

    """
    known = _configs()
    if name not in {*known, *VARIANTS}:
        kind = "type of adapter"
        raise UnknownName(kind, name, types())
    if name in known and (why := _why_refused(name, known[name])):
        raise UsageError(f"adapter:type={name} cannot be compared: it {why}")


def make_config(name: str, options: Mapping[str, Any]) -> Any:
    """Make peft's configuration of one adapter.

    Raises:
        TypeError: it has no such option.
        ValueError: its options contradict each other.

    """
    config = _configs()[_name_in_peft(name)]
    with quietly():
        return config(**VARIANTS.get(name, {}), **{key: _thaw(value) for key, value in options.items()})


def options_of(name: str) -> dict[str, tuple[Any, Any]]:
    """List what can be set of a type of adapter: type and default (None where it has none), by peft's name for it.

    The types are those that the command line writes: lists and mappings are tuples.
    """
    config = _configs()[_name_in_peft(name)]
    base = next(one for one in config.__mro__ if one.__name__ == "PeftConfig")
    hidden = HIDDEN.union(VARIANTS.get(name, ()), (field.name for field in dataclasses.fields(base)))
    hints = {key: _written(hint) for key, hint in get_type_hints(config).items()}
    return {
        field.name: (hints[field.name], None if field.default is dataclasses.MISSING else field.default)
        for field in dataclasses.fields(config)
        if field.name not in hidden and hints[field.name] not in (None, NoneType)
    }


def options_by_type() -> dict[str, dict[str, tuple[Any, Any]]]:
    """The options of every type, by how it is asked for."""
    return {f"type={name}": options_of(name) for name in types()}


def read_options(name: str, given: Collection[tuple[str, str]]) -> dict[str, Any]:
    """Read options of a type of adapter, given as text; what is read can be hashed.

    Raises:
        UsageError: the type has no such option, the text is no value of it, or the options contradict each other.

    """
    if not given:  # and peft need not be asked
        return {}
    known, values = options_of(name), {}
    for key, text in given:
        if key not in known:
            kind = f"option of adapter:type={name}"
            raise UnknownName(kind, key, {*known, "target", "last"})
        values[key] = read(text, known[key][0], f"adapter:type={name}:{key}")
        if values[key] in AFTER_A_LOOK:
            raise UsageError(f"adapter:type={name}:{key}={text} cannot be compared: it looks at rows before training")
    try:
        make_config(name, values)
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(f"adapter:type={name} cannot be made: {first_line(error)}") from error
    return values


def rewrites_weights(name: str, options: Mapping[str, Any]) -> bool:
    """Whether this adapter begins as a part of the weights, and takes that out of them."""
    start = {**VARIANTS.get(name, {}), **options}.get("init_lora_weights")
    return isinstance(start, str) and start not in {"eva", "gaussian", "orthogonal"}


def targets_by_default(name: str, model_type: str) -> list[str] | str | None:
    """Suffixes (or a pattern) of the modules that peft adapts in models of a type; None where it knows none."""
    kind = _name_in_peft(name)
    if kind == "ia3":  # the one type that does not say it as the others do
        known: Mapping[str, Any] = _peft().utils.constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
    else:
        known = _peft().mapping.PEFT_TYPE_TO_TUNER_MAPPING[kind.upper()].target_module_mapping
    return known.get(model_type)


def feedforward_targets(model_type: str) -> list[str] | None:
    """Suffixes of the modules whose inputs IA3 scales in models of a type; it scales the outputs of others."""
    known: Mapping[str, Any] = _peft().utils.constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING
    return known.get(model_type)


def _configs() -> dict[str, type[Any]]:
    """Look up every configuration that peft has, by the name of its type."""
    return {kind.value.lower(): config for kind, config in _peft().mapping.PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def _peft() -> Any:
    with quietly():
        import peft.mapping  # noqa: PLC0415  (it takes a second, and torch)
        import peft.utils.constants  # noqa: PLC0415

    return peft


def _name_in_peft(name: str) -> str:
    return "lora" if name in VARIANTS else name


def _why_refused(name: str, config: type[Any]) -> str | None:
    if any(base.__name__ == "PromptLearningConfig" for base in config.__mro__):
        return "learns a prompt, for which peft trains no head: use prompt_tuning"
    return REFUSED.get(name)


def _written(hint: Any) -> Any:
    """The type of an option as text gives it: a list or a mapping is a tuple; None where text cannot give it."""
    origin, inner = get_origin(hint) or hint, get_args(hint)
    literal, several = cast("Any", Literal), cast("Any", tuple)  # of types that are known as this runs
    if origin in (Union, UnionType):
        parts = [_written(one) for one in inner]
        choices = any(get_origin(one) is Literal for one in parts)
        # Any text is a string: it comes last, and not beside choices.
        parts = sorted((one for one in parts if one and not (one is str and choices)), key=lambda one: one is str)
        return functools.reduce(operator.or_, parts) if parts else None
    if origin is Literal:
        return literal[tuple(choice for choice in inner if "[" not in str(choice))]  # no pattern of choices
    if origin is dict:
        return several[several[str, inner[1] if inner else int | float | bool | str], ...]
    if origin in (list, set, tuple):
        return several[inner[0] if inner else str, ...]
    return origin if origin in (bool, int, float, str, NoneType) else None


def _thaw(value: Any) -> Any:
    """Make of tuples what peft declares: of pairs a mapping, of others a list."""
    if not isinstance(value, tuple):
        return value
    return dict(value) if value and all(isinstance(one, tuple) for one in value) else list(value)
