"""Keeps a prompt that was trained in a plain model and its tokenizer: tokens of its own, which the tokenizer puts into every row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import torch
from tokenizers import Tokenizer

from bench.errors import Unsupported

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from bench.training.passes.prompt import Prompt

__all__ = ["keep_prompt"]

NAME = "<|prompt|>"
"""Of all tokens of the prompt together, in the template by which a tokenizer puts them into a row."""


def keep_prompt(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> None:
    """Give `tokenizer` the tokens of the prompt, and the plain `model`, which has their embeddings at its end, theirs.

    Raises:
        Unsupported: the tokenizer cannot be told where to put them.

    """
    tokens = [f"<|prompt{number}|>" for number in range(len(prompt.ids))]
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise Unsupported("a prompt cannot be kept with a tokenizer that is not one of the library tokenizers")
    tokenizer.add_tokens(tokens, special_tokens=True)
    ids = tokenizer.convert_tokens_to_ids(tokens)
    table = cast("nn.Embedding", model.get_input_embeddings())
    with torch.no_grad():  # a table may have more rows than the tokenizer has tokens
        table.weight[ids] = table.weight[prompt.ids.tolist()].clone()
    model.config.get_text_config().vocab_size = len(table.weight)
    told = json.loads(backend.to_str())
    template = {"id": NAME, "ids": ids, "tokens": tokens}
    told["post_processor"] = _with_prompt(told["post_processor"], template, prompt.place)
    backend.post_processor = Tokenizer.from_str(json.dumps(told)).post_processor


def _with_prompt(processor: Any, prompt: dict[str, Any], place: int) -> dict[str, Any]:
    """Return how rows are put together, as the library tokenizers stores it, with the prompt after `place` tokens."""
    match processor and processor["type"]:
        case "Sequence":
            *others, last = processor["processors"]
            return {**processor, "processors": [*others, _with_prompt(last, prompt, place)]}
        case "ByteLevel":  # which changes offsets alone
            return {"type": "Sequence", "processors": [processor, _with_prompt(None, prompt, place)]}
        case "TemplateProcessing":
            template = processor
        case "BertProcessing" | "RobertaProcessing":
            (sep, sep_id), (cls, cls_id) = processor["sep"], processor["cls"]
            between = [_special(sep)] * (2 if processor["type"] == "RobertaProcessing" else 1)
            second = 0 if processor["type"] == "RobertaProcessing" else 1
            one = [_special(cls), _text("A", 0), _special(sep)]
            template = _template(
                one,
                [*one[:2], *between, _text("B", second), _special(sep, second)],
                {
                    name: {"id": name, "ids": [number], "tokens": [name]}
                    for name, number in ((sep, sep_id), (cls, cls_id))
                },
            )
        case None:
            template = _template([_text("A", 0)], [_text("A", 0), _text("B", 1)], {})
        case other:
            raise Unsupported(f"a prompt cannot be kept with a tokenizer whose rows are put together by {other}")
    if any("Sequence" in part for part in template["single"][:place]):
        raise Unsupported("a prompt after the first token cannot be kept: the tokenizer puts no token before the text")
    both = {name: [*template[name][:place], _special(NAME), *template[name][place:]] for name in ("single", "pair")}
    return {**template, **both, "special_tokens": {**template["special_tokens"], NAME: prompt}}


def _template(single: list[Any], pair: list[Any], special_tokens: dict[str, Any]) -> dict[str, Any]:
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special_tokens}


def _special(name: str, type_id: int = 0) -> dict[str, Any]:
    return {"SpecialToken": {"id": name, "type_id": type_id}}


def _text(name: str, type_id: int) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": type_id}}
