"""Turns texts into token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.errors import DataError, ModelError
from bench.workload.models.load import load_config, load_tokenizer, num_positions, num_token_types, vocabulary_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from transformers import BatchEncoding, PreTrainedTokenizerBase

    from bench.workload.rows import Text

__all__ = ["Tokeniser"]


class Tokeniser:
    """A model's tokenizer, with the maximal length that both the user and the model allow."""

    def __init__(self, model: str, max_length: int) -> None:
        self._tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        config = load_config(model)
        self._model, self._size, self._num_types = model, vocabulary_size(config), num_token_types(config)
        self.max_length = min(max_length, self._tokenizer.model_max_length, num_positions(config) or max_length)

    @property
    def pad_token_id(self) -> int:
        """The id of the token that pads a batch."""
        return int(self._tokenizer.pad_token_id)

    def __call__(self, texts: Sequence[Text]) -> tuple[list[list[int]], NDArray[np.int64]]:
        """Return the token ids of each text, truncated, and how many it had before, (texts,).

        Raises:
            DataError: a text has no token, or the maximal length leaves no room for a token of each text.
            ModelError: the tokenizer returns a token that the model does not have.

        """
        rows = self._ids(texts, None)
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        too_long = [number for number, row in enumerate(rows) if len(row) > self.max_length]
        if too_long:
            self._check_room(num_texts=2 if isinstance(texts[0], tuple) else 1)
            for number, row in zip(too_long, self._ids([texts[n] for n in too_long], self.max_length), strict=True):
                rows[number] = row
        highest = max(map(max, filter(None, rows)), default=0)
        if self._size is not None and highest >= self._size:
            token = self._tokenizer.convert_ids_to_tokens(highest)
            raise ModelError(
                f"the tokenizer of {self._model} makes {token!r} token {highest}, but the model has embeddings for {self._size} "
                "tokens alone; take the tokenizer that belongs to it, or enlarge its table (resize_token_embeddings) and save both"
            )
        if empty := next((text for text, row in zip(texts, rows, strict=True) if not row), None):
            msg = f"the text {str(empty)[:40]!r} has no token for the tokenizer of {self._model}; remove the row"
            raise DataError(msg)
        return rows, lengths

    def token_types(self, texts: Sequence[Text]) -> list[list[int]] | None:
        """Return the token types of each text, as the tokenizer sets them; None where all are 0.

        None, too, for a model that takes no token types.
        """
        types = self._encode(texts[:1], self.max_length).get("token_type_ids")
        if types is None or not any(types[0]) or self._num_types <= max(types[0]):
            return None
        told: list[list[int]] = self._encode(texts, self.max_length)["token_type_ids"]
        return told

    def _check_room(self, *, num_texts: int) -> None:
        """Refuse a maximal length at which the tokenizer would not truncate, or would leave nothing of a text."""
        needed = self._tokenizer.num_special_tokens_to_add(pair=num_texts > 1) + num_texts
        if self.max_length < needed:
            msg = f"{self.max_length} tokens leave no room for a text with the special tokens of {self._model}"
            raise DataError(f"{msg}; give --max-length {needed} or more")

    def _ids(self, texts: Sequence[Text], max_length: int | None) -> list[list[int]]:
        rows: list[list[int]] = self._encode(texts, max_length)["input_ids"]
        return rows

    def _encode(self, texts: Sequence[Text], max_length: int | None) -> BatchEncoding:
        """Encode texts, or pairs, of which the longer text is truncated first."""
        columns = zip(*texts, strict=True) if isinstance(texts[0], tuple) else (texts,)
        encoded: BatchEncoding = self._tokenizer(
            *map(list, columns), truncation=max_length is not None, max_length=max_length, verbose=False
        )
        return encoded
