"""A prompt that is kept: loaded as any model, its tokenizer puts the prompt into every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from bench.errors import Unsupported
from bench.worker.saving import save
from bench.workload.toy import VOCABULARY, tiny_llama
from strategies.lora import Lora
from strategies.prompt_tuning import PromptTuning
from tests.strategies.by_hand import SPLIT, bert, gpt2, llama, prepared_for, train_by_bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PreTrainedModel

    from bench.experiment.spec import WorkloadSpec
    from bench.plan import Strategy
    from bench.records.record import RunRecord

CLS, SEP = ("[CLS]", VOCABULARY - 2), ("[SEP]", VOCABULARY - 1)
TEMPLATE = processors.TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[CLS, SEP]
)
BYTES = processors.ByteLevel(trim_offsets=False)


def tokenizer_with(processor: object) -> PreTrainedTokenizerFast:
    """Take "word7" for token 7."""
    words = {f"word{number}": number for number in range(VOCABULARY - 2)} | dict([CLS, SEP])
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="word1"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if processor:
        tokenizer.post_processor = processor
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="word0", unk_token="word1", cls_token="[CLS]", sep_token="[SEP]"
    )


@pytest.mark.parametrize(
    ("make", "processor"),
    [
        (llama, None),
        (llama, processors.Sequence([BYTES, TEMPLATE])),
        (gpt2, BYTES),
        (bert, TEMPLATE),
        (bert, processors.BertProcessing(SEP, CLS)),
        (bert, processors.RobertaProcessing(SEP, CLS)),
    ],
)
@pytest.mark.parametrize("others", [[], [Lora()]])
def test_a_model_with_its_prompt_gives_the_same_logits_once_it_is_loaded(
    make: Callable[[], PreTrainedModel], processor: object, others: list[Strategy], tmp_path: Path
) -> None:
    prepared, tokenizer = prepared_for([PromptTuning(3), *others], make()), tokenizer_with(processor)
    train_by_bench(prepared)
    ids = tokenizer("word5 word9 word2")["input_ids"]
    place, [beyond] = prepared.prompt.place, [prepared.prompt.ids.tolist()]
    prepared.forward.close()
    with torch.no_grad():
        model = prepared.model.eval()
        wanted = model(input_ids=torch.tensor([[*ids[:place], *beyond, *ids[place:]]])).logits

    save(prepared, tmp_path, base="tiny", reload=make, tokenizer=tokenizer, split=SPLIT)

    again = AutoTokenizer.from_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    inputs = again("word5 word9 word2", return_tensors="pt")
    assert inputs["input_ids"].shape == (1, len(ids) + 3)
    with torch.no_grad():
        assert torch.allclose(loaded(input_ids=inputs["input_ids"]).logits, wanted, atol=1e-6)
    pair = again("word5", "word9")["input_ids"]
    assert [token for token in pair if token >= VOCABULARY] == beyond
    assert pair.index(beyond[0]) == place


def test_a_table_may_have_more_rows_than_the_tokenizer_has_tokens(tmp_path: Path) -> None:
    def make() -> PreTrainedModel:
        return tiny_llama(num_tokens=80)

    prepared, tokenizer = prepared_for([PromptTuning(3)], make()), tokenizer_with(None)
    train_by_bench(prepared)
    table = prepared.model.get_input_embeddings()
    learnt = table.prompt.detach().clone()

    save(prepared, tmp_path, base="tiny", reload=make, tokenizer=tokenizer, split=SPLIT)

    ids = AutoTokenizer.from_pretrained(tmp_path)("word5")["input_ids"]
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert ids == [VOCABULARY, VOCABULARY + 1, VOCABULARY + 2, 5]
    assert loaded.get_input_embeddings().weight.detach()[ids[:3]].equal(learnt)


@pytest.mark.parametrize("processor", [None, BYTES])
def test_a_tokenizer_that_puts_no_token_first_cannot_have_a_prompt_after_it(processor: object, tmp_path: Path) -> None:
    prepared = prepared_for([PromptTuning(3)], bert())
    with pytest.raises(Unsupported, match="puts no token before the text"):
        save(prepared, tmp_path, base="tiny", reload=bert, tokenizer=tokenizer_with(processor), split=SPLIT)
    assert not list(tmp_path.iterdir())


def test_a_run_goes_on_from_a_model_that_is_kept_with_its_prompt(
    run: Callable[..., tuple[RunRecord, list[str]]], workload: WorkloadSpec, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    trained, _ = run("prompt_tuning:tokens=3", save_model=str(kept), lr=1e-2)
    assert trained.measured is not None, trained.reason
    assert "not-saved" not in {flag.code for flag in trained.flags}

    again, _ = run("freeze", lr=1e-12, steps=1, workload=workload.model_copy(update={"model": str(kept)}))

    assert again.measured is not None, again.reason
    assert again.measured.evaluation.correct == trained.measured.evaluation.correct
    assert again.measured.evaluation.loss == pytest.approx(trained.measured.evaluation.loss, rel=1e-5)
