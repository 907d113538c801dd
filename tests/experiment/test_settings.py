from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import UsageError
from bench.experiment.settings import QUICK, Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_line_wins_over_the_file_and_the_file_over_quick(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('epochs = 5\nbatch-size = 4\neval_samples = "all"\n')
    settings = Settings.gather({"batch_size": 2}, config=config, quick=True)
    assert (settings.epochs, settings.batch_size, settings.eval_samples) == (5, 2, None)
    assert settings.model == QUICK["model"]
    assert Settings.gather({"train_samples": "all"}).train_samples is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seeds": 0}, "--seeds: input should be greater than or equal to 1, not 0"),
        ({"train_samples": "many"}, "--train-samples: input should be a valid integer"),
        ({"num_processes": -1}, "--nproc: input should be greater than or equal to 1, not -1"),
        ({"device": "gpu"}, "--device: give auto, cpu, cuda or cuda:INDEX, not 'gpu'"),
        ({"lr": -1.0}, "--lr: input should be greater than 0"),
        ({"max_memory": "20"}, "--max-memory: 20 of what? Give a unit"),
        ({"max_memory": "1kB"}, "--max-memory: give 1 MiB to 1 EiB, such as 20GiB, not"),
        ({"micro_batch_size": "fits"}, "--micro-batch-size: give a number of rows, or fit, not 'fits'"),
        ({"micro_batch_size": "1.5"}, "--micro-batch-size: give a number of rows, or fit, not '1.5'"),
        ({"micro_batch_size": "0"}, "--micro-batch-size: input should be greater than or equal to 1, not '0'"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.gather(given)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("epoch = 2", "unknown setting in .*bench.toml 'epoch'. Did you mean epochs?"),
        ("epochs = 0", "epochs in .*bench.toml: input should be greater"),
        ("epochs = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, content: str, words: str) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(content)
    with pytest.raises(UsageError, match=words):
        Settings.gather({}, config=config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Settings.gather({}, config=tmp_path / "none.toml")


def test_only_the_gate_s_own_table_is_passed_over(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text("epochs = 2\n[gate]\n")
    assert Settings.gather({}, config=config).epochs == 2
    config.write_text('gate = "rules.toml"\n')
    with pytest.raises(UsageError, match="named by --gate"):
        Settings.gather({}, config=config)


def test_a_list_in_a_file_is_a_list(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('strategies = ["full", "freeze:last=2+amp"]\n')
    assert Settings.gather({}, config=config).strategies == "full,freeze:last=2+amp"
    config.write_text('strategies = ["full", 3]\n')
    with pytest.raises(
        UsageError, match=r"strategies in .*bench.toml: input should be a valid string, not \['full', 3\]"
    ):
        Settings.gather({}, config=config)


def test_a_refused_value_is_shown_briefly(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(f"device = '{'x' * 5000}'\n")
    with pytest.raises(UsageError) as caught:
        Settings.gather({}, config=config)
    assert len(str(caught.value)) < 300


def test_a_micro_batch_is_rows_or_what_fits(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text('micro_batch_size = "fit"\n')
    assert Settings.gather({}, config=config).micro_batch_size == "fit"
    assert Settings.gather({}, config=config).in_whole_batches.micro_batch_size is None
    assert Settings.gather({"micro_batch_size": "4"}, config=config).micro_batch_size == 4
