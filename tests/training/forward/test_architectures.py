"""A row's logits are the same alone and beside longer ones, in whatever way a model is run; else it is refused.

    pytest -m slow -s tests/training/forward/test_architectures.py

prints how every classifier of transformers is run, or why it is not.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as KINDS

from bench.errors import BenchError, Unsupported
from bench.plan import TrainPlan
from bench.plan.compose import compose
from bench.training.forward.choose import choose_forward
from bench.training.forward.packed import PackedForward
from bench.training.forward.padded import PaddedForward
from bench.training.precision import Precision
from bench.training.prepare import prepare
from bench.workload.models.layers import view_of
from bench.workload.models.quiet import quiet
from bench.workload.toy import TOY_RATES, toy_split

MUST_RUN = (
    *(
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma2",
        "gemma3_text",
        "gemma3",
        "phi3",
        "gpt2",
        "opt",
        "bert",
        "roberta",
    ),
    *("deberta", "deberta-v2", "modernbert", "distilbert", "electra", "xlm-roberta", "mpnet", "gpt_neo"),
)
NUM_LABELS, VOCABULARY = 3, 64
SMALL: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "word_embed_proj_dim"), 16),
    **dict.fromkeys(("intermediate_size", "d_ff", "hidden_dim", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim"), 32),
    **dict.fromkeys(("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "num_heads", "n_head", "n_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    "num_decoder_layers": 2,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "d_kv": 4,
    "embedding_size": 8,
    "num_experts_per_tok": 2,
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
VISION = {
    key: SMALL[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
} | {"image_size": 28, "patch_size": 14}
LATENT = {
    "head_dim": 4,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 4,
    "kv_lora_rank": 8,
    "q_lora_rank": 8,
}
OWN: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 8},
    "gemma3": {"text_config": SMALL, "vision_config": VISION, "mm_tokens_per_image": 4},
    "squeezebert": {"embedding_size": 16},
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_head": 4, "d_inner": 32},
    "xlnet": {"d_inner": 32, "d_head": 4},
    "luke": {"entity_vocab_size": 8, "entity_emb_size": 8},
    "roc_bert": {"pronunciation_vocab_size": 8, "shape_vocab_size": 8},
    "perceiver": {"num_latents": 4, "d_latents": 16, "num_self_attends_per_block": 1, "num_self_attention_heads": 2},
    "reformer": {"axial_pos_embds": False, "hidden_size": 16, "attention_head_size": 4, "feed_forward_size": 32},
    "gptj": {"rotary_dim": 4},
    "layoutlmv3": {"coordinate_size": 2, "shape_size": 4},
    **dict.fromkeys(("axk1", "axk2", "deepseek_v2", "deepseek_v3", "minicpm3"), LATENT),
}
"""What a kind needs beyond small numbers."""


def build(kind: str, scale: float = 4.0) -> Any:
    """Make a classifier of random weights, as small as its configuration allows, without dropout."""
    known = CONFIG_MAPPING[kind]
    fields = {*getattr(known, "__dataclass_fields__", ()), *getattr(known, "attribute_map", ())}
    config = known(**{name: value for name, value in SMALL.items() if name in fields} | OWN.get(kind, {}))
    config.num_labels = NUM_LABELS
    for name in vars(config.get_text_config()):
        if "drop" in name and isinstance(getattr(config.get_text_config(), name), float):
            setattr(config.get_text_config(), name, 0.0)
    config.get_text_config().pad_token_id = 0
    with torch.device("meta"):
        num_params = sum(param.numel() for param in AutoModelForSequenceClassification.from_config(config).parameters())
    if num_params > 2e7:
        msg = f"is not built: {num_params:,} parameters at the least"
        raise NotImplementedError(msg)
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    model.config.use_cache = False
    with torch.no_grad():  # weights of 0.02 hardly let one token see another
        for param in model.parameters():
            if param.ndim > 1:
                param.mul_(scale)
    return model


SPLIT = toy_split(60, num_labels=NUM_LABELS, longest=50)


def run(kind: str) -> tuple[str, str]:
    """Prepare a classifier as a run does, hold its rows against themselves alone, and take a step: the way, and why."""
    model = build(kind)
    view = view_of(model)
    plan = compose([], view)
    assert isinstance(plan, TrainPlan)
    ready = prepare(
        model,
        view,
        plan,
        split=SPLIT,
        pad_token_id=0,
        rates=TOY_RATES,
        device=torch.device("cpu"),
        weight_decay=0.01,
    )
    forward: Any = ready.forward
    model.eval()
    rows = np.argsort(SPLIT.lengths, kind="stable")[::-1]
    few = [rows[-1:], rows[[0, -1]], np.append(rows[:39], rows[-1])]
    with torch.no_grad():
        alone, beside, among = (forward.logits(forward.batch(SPLIT, some))[-1] for some in few)
    for found in (beside, among):
        difference = float((found - alone).abs().max() / alone.abs().max())
        assert difference <= 1e-4, f"{kind}: a row differs by {difference:.1g} beside longer ones"
    ready.training_mode()
    batch = ready.batch(SPLIT, rows[:8])
    loss = cross_entropy(ready.logits(batch).float(), batch.targets)
    loss.backward()
    assert loss.isfinite()
    ready.precision.step(ready.optimizer, ready.trained, 1.0)
    if isinstance(forward, PackedForward):
        return "packed", ""
    assert isinstance(forward, PaddedForward)
    return f"padded on the {'left' if forward.on_the_left else 'right'}", ready.why_padded or ""


@pytest.mark.parametrize("kind", MUST_RUN)
def test_a_common_architecture_is_never_refused(kind: str) -> None:
    with quiet():
        way, why = run(kind)
    assert way == ("padded on the right" if kind in {"deberta", "deberta-v2", "gpt_neo", "mpnet"} else "packed"), why


@pytest.mark.parametrize("kind", ["gpt_neo", "mpnet", "deberta"])
def test_attention_that_hardly_shows_in_the_logits_is_found_all_the_same(kind: str) -> None:
    with quiet():
        model = build(kind, scale=0.25)
        forward, why = choose_forward(model, model, SPLIT, 0, Precision(torch.float32, torch.device("cpu")))
    assert isinstance(forward, PaddedForward), "its rows would be mixed as soon as it has learnt"
    assert why is not None


def test_a_model_that_must_be_padded_on_the_left_is() -> None:
    with quiet():
        way, why = run("xlnet")
    assert way == "padded on the left"
    assert "on the left, for padded on the right, the logits of a row differ by" in why


def test_a_model_that_mixes_its_rows_is_refused_in_one_line() -> None:
    with quiet(), pytest.raises(Unsupported, match=r"FNetFor.* cannot be trained .*it mixes the rows") as caught:
        run("fnet")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_every_architecture_runs_or_says_why_not() -> None:
    transformers.logging.set_verbosity_error()
    counts: Counter[str] = Counter()
    print()  # noqa: T201  (the table is what the command is for)
    for kind in KINDS:
        with warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            try:
                way, why = run(kind)
            except BenchError as error:
                way, why = "refused", str(error)
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001  (a small configuration of it is a matter of its own)
                way, why = "not built", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        counts[way] += 1
        print(f"{kind:24} {way:20} {why}")  # noqa: T201
        assert why or way == "packed"
        assert kind not in MUST_RUN or way not in {"refused", "not built"}, why
    print(dict(counts))  # noqa: T201
    assert counts["packed"] > 40
