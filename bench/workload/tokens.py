"""Turns texts into token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import DataError
from bench.workload.models.load import load_tokenizer, num_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from bench.workload.reading import Text

__all__ = ["Tokeniser"]


class Tokeniser:
    """A model's tokenizer, with the length that both the user and the model allow."""

    def __init__(self, model: str, max_length: int) -> None:
        self._tokenizer: PreTrainedTokenizerBase = load_tokenizer(model)
        self._model = model
        self.max_length = min(max_length, self._tokenizer.model_max_length, num_positions(model) or max_length)

    @property
    def pad_token_id(self) -> int:
        """The token that fills up a batch."""
        return int(self._tokenizer.pad_token_id)

    def __call__(self, texts: Sequence[Text]) -> tuple[list[list[int]], int]:
        """Tokenise texts, and count those that had to be truncated.

        Raises:
            DataError: a text has no token.

        """
        # One token more than allowed shows which texts are too long; only those are truncated again.
        rows = self._ids(texts, self.max_length + 1)
        too_long = [number for number, row in enumerate(rows) if len(row) > self.max_length]
        if too_long:
            for number, row in zip(too_long, self._ids([texts[n] for n in too_long], self.max_length), strict=True):
                rows[number] = row
        if empty := next((text for text, row in zip(texts, rows, strict=True) if not row), None):
            msg = f"the text {empty[:40]!r} has no token for the tokenizer of {self._model}; remove the row"
            raise DataError(msg)
        return rows, len(too_long)

    def _ids(self, texts: Sequence[Text], max_length: int) -> list[list[int]]:
        columns = zip(*texts, strict=True) if isinstance(texts[0], tuple) else (texts,)
        encoded = self._tokenizer(*map(list, columns), truncation=True, max_length=max_length, verbose=False)
        rows: list[list[int]] = encoded["input_ids"]
        return rows
