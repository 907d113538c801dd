from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.errors import UsageError
from bench.experiment.settings import QUICK, Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_are_the_main_job() -> None:
    specs = Settings.gather({}).matrix("cpu")
    assert sorted(spec.name for spec in specs) == ["amp", "freeze", "full"]
    assert {spec.workload.model for spec in specs} == {"smollm2-135m"}
    assert {spec.workload.dataset for spec in specs} == {"rotten-tomatoes"}


def test_seeds_are_outermost_and_strategies_shuffled_within() -> None:
    specs = Settings.gather({"seeds": 6}).matrix("cpu")
    assert [spec.seed for spec in specs] == [seed for seed in range(6) for _ in range(3)]
    rounds = [tuple(spec.name for spec in specs[start : start + 3]) for start in range(0, 18, 3)]
    assert all(sorted(names) == ["amp", "freeze", "full"] for names in rounds)
    assert len(set(rounds)) > 1
    assert specs == Settings.gather({"seeds": 6}).matrix("cpu")


def test_only_the_strategy_and_the_seed_differ_within_a_matrix() -> None:
    specs = Settings.gather({"seeds": 2, "lr": 1e-3, "batch_size": 4}).matrix("cpu")
    assert len({spec.model_copy(update={"strategy": (), "seed": 0}) for spec in specs}) == 1
    assert specs[0].lr == 1e-3


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
        ({"device": "gpu"}, "--device: give auto, cpu, cuda or cuda:INDEX, not 'gpu'"),
        ({"lr": -1.0}, "--lr: input should be greater than 0"),
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


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"strategies": "freez"}, "Did you mean freeze?"),
        ({"strategies": "freeze:lst=1"}, "Did you mean last?"),
        ({"reference": "full:"}, "'' in strategy 'full:' is not of the form option=value"),
        ({"reference": "ful"}, "unknown reference 'ful'. Did you mean full?"),
    ],
)
def test_a_matrix_of_unknown_strategies_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings.gather(given).matrix("cpu")
    assert words in str(caught.value)


def test_a_reference_may_name_its_options_in_any_order() -> None:
    settings = Settings.gather(
        {"strategies": "full,discriminative:head=5e-5:body=1e-5", "reference": "discriminative:head=5e-5:body=1e-5"}
    )
    assert settings.reference in {spec.name for spec in settings.matrix("cpu")}


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


def test_the_table_of_the_gate_is_minded_by_every_command(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text("[gate]\nmargni = 0.1\n")
    with pytest.raises(UsageError, match=r"unknown key of \[gate\] in .*bench.toml 'margni'. Did you mean margin"):
        Settings.gather({}, config=config)


def test_a_refused_value_is_shown_briefly(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(f"device = '{'x' * 5000}'\n")
    with pytest.raises(UsageError) as caught:
        Settings.gather({}, config=config)
    assert len(str(caught.value)) < 300
