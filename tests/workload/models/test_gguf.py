from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import ModelError
from bench.workload.models.gguf import converted
from bench.workload.models.load import load_model, load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def test_a_gguf_file_is_converted_once_and_loads_without_its_quantisation(tiny_gguf: Path) -> None:
    loaded = load_model(str(tiny_gguf), labels=("0", "1"), seed=0)
    assert loaded.fresh == {"score.weight"}
    assert not hasattr(loaded.model.config, "quantization_config")
    body: Any = loaded.model.base_model
    assert body.layers[1].mlp.up_proj.weight.std() > 0.5  # those of the file are drawn with 1
    folder = converted(tiny_gguf)
    assert (folder / "model.safetensors").is_file()
    assert folder == converted(tiny_gguf)
    tokenizer = load_tokenizer(str(tiny_gguf))
    assert tokenizer.decode(tokenizer("a film")["input_ids"], skip_special_tokens=True) == "a film"


@pytest.mark.parametrize("keep", [0, 40, 3000, 20_000])
def test_a_damaged_gguf_file_is_refused_in_one_line(keep: int, tiny_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(tiny_gguf.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"cannot convert .*half.gguf: .*; download it again") as caught:
        load_model(str(path), labels=("0", "1"), seed=0)
    assert "\n" not in str(caught.value)
