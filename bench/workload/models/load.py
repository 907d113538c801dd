"""Loads the model that a run trains, and its tokenizer."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from bench.errors import ModelError, first_line
from bench.records.record import Flag
from bench.workload.models.fitting import fit_head
from bench.workload.models.folders import check_folder, weight_files
from bench.workload.models.heads import rows_of
from bench.workload.models.locate import model_folder
from bench.workload.models.quiet import quiet
from bench.workload.models.storage import draw_in_fp32, stored_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from bench.experiment.choices import HeadChoice
    from bench.workload.models.fitting import HeadOrigin

__all__ = [
    "LoadedModel",
    "explained",
    "first_position",
    "load_config",
    "load_model",
    "load_tokenizer",
    "num_positions",
    "num_token_types",
    "vocabulary_size",
]


OFFSET_POSITIONS = (
    *("camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet"),
    *("roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
)
"""Model types whose positions begin after the pad token's id."""
_OF_LAYER = re.compile(r"\.\d+\.")
"""Matches the name of a parameter that belongs to one of several layers."""
_UNLOADABLE = (
    *(AttributeError, LookupError, OSError, TypeError, ValueError, ZeroDivisionError),
    *(SafetensorError, StrictDataclassError),
)
"""What transformers raises for damaged files, or settings that make no sense."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A classifier, and the parameters that its checkpoint lacks."""

    model: PreTrainedModel
    fresh: frozenset[str]
    """Names of the newly initialised parameters: the head, and sometimes a pooler in the body."""
    head: HeadOrigin
    pads_otherwise: str = ""
    """Which token pads, where it is not the tokenizer's own, and why."""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Notes for the record on how it was loaded."""
        pads = (Flag(code="other-pad-token", message=self.pads_otherwise),) if self.pads_otherwise else ()
        return (*self.head.flags, *pads)


def load_model(name: str, *, labels: Sequence[str], seed: int, head: HeadChoice = "auto") -> LoadedModel:
    """Load a sequence classifier, with the checkpoint's head if it fits `labels`, else with a fresh one.

    Weights keep the type in which the checkpoint stores them, in its file until they are written; what it lacks is in fp32.

    Args:
        name: A preset, a local directory, a GGUF file, or a Hub id.
        labels: Names of the data's classes, two or more; output i of the model belongs to the i-th.
        seed: For the initialisation of what the checkpoint lacks.
        head: "auto", or "fresh" or "checkpoint" to force one.

    Raises:
        UnknownName, AssetError: there is no such model, or a preset cannot be fetched.
        ModelError: transformers can load no classifier from the files, or "checkpoint" was asked for and its head does not fit.

    """
    folder = model_folder(name)
    check_folder(folder, name)
    rows = rows_of(load_config(name), labels) if head != "fresh" else "a fresh one was asked for (--head fresh)"
    with explained("model", name, folder), torch.random.fork_rng(devices=[]):
        dtype = stored_dtype(weight_files(folder, name))
        torch.manual_seed(seed)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=dtype,
            # A head whose classes are known is loaded as it is; its rows are chosen below.
            **({"num_labels": len(labels)} if isinstance(rows, str) else {}),
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        mismatched = {entry[0] if isinstance(entry, tuple) else entry for entry in info["mismatched_keys"]}
        _check_body(model, name, missing=set(info["missing_keys"]), mismatched=mismatched)
        if dtype != torch.float32:
            draw_in_fp32(model, seed)
        origin, fresh = fit_head(model, labels, rows, missing=set(info["missing_keys"]), mismatched=mismatched)
    if head == "checkpoint" and not origin.is_of_checkpoint:
        raise ModelError(f"the head of {name} cannot be taken, as --head checkpoint asks: {origin.reason}")
    model.config.use_cache = False
    tokenizer, why = _tokenizer(name, folder)
    if model.config.model_type not in OFFSET_POSITIONS:  # for these, the pad id also sets where positions begin
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return LoadedModel(model, fresh, origin, why)


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load a model's tokenizer, which pads on the right with a token that the model already has.

    Raises:
        UnknownName, AssetError: there is no such model, or a preset cannot be fetched.
        ModelError: the model has no tokenizer, or one without a token that could pad.

    """
    return _tokenizer(name, model_folder(name))[0]


def _tokenizer(name: str, folder: Path) -> tuple[PreTrainedTokenizerBase, str]:
    """Load a tokenizer; the second value says why another token than its own pads, or is empty."""
    with explained("tokenizer", name, folder):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    tokenizer.padding_side = "right"
    size = vocabulary_size(load_config(name))
    own, own_id = tokenizer.pad_token, tokenizer.pad_token_id
    candidates = (own, tokenizer.eos_token, tokenizer.unk_token, *tokenizer.all_special_tokens)
    ids: dict[str, Any] = {token: tokenizer.convert_tokens_to_ids(token) for token in candidates if token is not None}
    token = next((token for token, at in ids.items() if at is not None and (size is None or at < size)), None)
    if token is None:
        msg = f"the tokenizer of {name} has no pad, end or unknown token to pad with that the model has; give its tokenizer_config.json one"
        raise ModelError(msg)
    if token == own:
        return tokenizer, ""
    tokenizer.pad_token = token
    if own is None:
        return tokenizer, ""
    why = f"{token} (token {ids[token]}) pads, for the model's table of {size} tokens ends before the tokenizer's own {own} (token {own_id})"
    return tokenizer, why


def load_config(name: str) -> PreTrainedConfig:
    """Load a model's configuration.

    Raises:
        UnknownName, AssetError: there is no such model, or a preset cannot be fetched.
        ModelError: its configuration cannot be read.

    """
    folder = model_folder(name)
    with explained("configuration", name, folder):
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return config


def vocabulary_size(config: PreTrainedConfig) -> int | None:
    """Return the size of a model's vocabulary; None where its configuration does not say."""
    size: int | None = getattr(config.get_text_config(), "vocab_size", None)
    return size


def num_positions(config: PreTrainedConfig) -> int | None:
    """Return the most tokens that a model takes; None where it has no limit."""
    config = config.get_text_config()
    positions: int | None = getattr(config, "max_position_embeddings", None) or getattr(config, "max_seq_len", None)
    return positions - first_position(config) if positions else None


def num_token_types(config: PreTrainedConfig) -> int:
    """Return the number of token types, which distinguish two texts of a row; 0 where the model takes none."""
    # XLNet compares token types and has no embedding of them; GPT-2 would look them up among its tokens.
    return 3 if config.model_type == "xlnet" else getattr(config, "type_vocab_size", 0) or 0


def first_position(config: PreTrainedConfig) -> int:
    """Return the position of a model's first token."""
    offset: int = config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0
    return offset


def _check_body(model: PreTrainedModel, name: str, *, missing: set[str], mismatched: set[str]) -> None:
    """Refuse a checkpoint that lacks parts of the body: training would start from noise."""
    prefix = f"{model.base_model_prefix}."
    if wrong := sorted(key for key in mismatched if key.startswith(prefix)):
        raise ModelError(f"the weights of {name} do not fit its config.json: {wrong[0]} has another shape")
    body = [key for key, _ in model.named_parameters() if key.startswith(prefix)]
    absent = [key for key in body if key in missing]
    if 2 * len(absent) > len(body):
        raise ModelError(f"the weights of {name} are those of another architecture: {absent[0]} is not among them")
    # Some checkpoints come without a pooler, which is then initialised like the head.
    if lacking := [key for key in absent if _OF_LAYER.search(key) or "embed" in key]:
        msg = f"the weights of {name} are not those of its config.json: {lacking[0]} is not among them; copy both from one place"
        raise ModelError(msg)


@contextmanager
def explained(what: str, name: str, place: Path) -> Iterator[None]:
    """Silence transformers as it reads files of a model at `place`, and turn its errors into one line.

    Raises:
        ModelError: instead of whatever transformers raises.

    """
    try:
        with quiet():
            yield
    except _UNLOADABLE as error:
        where = "" if str(place) == name else f" ({place})"
        cause = error.__cause__ if isinstance(error, StrictDataclassError) else None  # names value and type in one line
        msg = f"cannot load the {what} of {name}{where}: {first_line(cause or error)}"
        if not isinstance(error, OSError | SafetensorError | ValueError):  # whose messages are for users
            msg += "; look for a setting in its JSON files that makes no sense, and copy them again"
        raise ModelError(msg) from error
