from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import annotated_types
import pytest
from pydantic import BaseModel

from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.experiment.spec import RunSpec, WorkloadSpec
from bench.records.evaluation import Evaluation
from bench.records.readings import Memory, Work
from bench.records.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--lr", "inf", "input should be a finite number, not inf"),
        ("--lr", "nan", "input should be a finite number, not nan"),
        ("--lr", "1e308", "input should be less than or equal to 1000000000000000000000000000000, not 1e+308"),
        ("--weight-decay", "-0.1", "input should be greater than or equal to 0, not -0.1"),
        ("--warmup-ratio", "1", "input should be less than 1, not 1.0"),
        ("--max-grad-norm", "inf", "input should be a finite number, not inf"),
        ("--timeout", "inf", "input should be a finite number, not inf"),
        ("--seeds", "1000000000000", "input should be less than or equal to 10000, not 1000000000000"),
        ("--steps", "1000000000000", "input should be less than or equal to 10000000, not 1000000000000"),
        ("--epochs", "100000000000000000000", "input should be less than or equal to 1000000, not 1"),
        ("--batch-size", "100000000000000000000", "input should be less than or equal to 1048576, not 1"),
        ("--micro-batch-size", "9223372036854775808", "input should be less than or equal to 1048576, not '9"),
        ("--max-length", "100000000000000000000", "input should be less than or equal to 16777216, not 1"),
        ("--train-samples", "100000000000000000000", "input should be less than or equal to 1000000000000, not '1"),
        ("--eval-samples", "0", "input should be greater than or equal to 1, not '0'"),
        ("--evaluations", "0", "input should be greater than or equal to 1, not 0"),
        ("--data-seed", "-1", "input should be greater than or equal to 0, not -1"),
        ("--data-seed", "9223372036854775808", "input should be less than or equal to 9223372036854775807, not 9"),
    ],
)
def test_a_number_out_of_bounds_is_refused_at_once_by_option_and_limit(
    bench: Callable[..., tuple[int, str, str]], option: str, value: str, words: str
) -> None:
    code, out, said = bench("compare", option, value, "--dry-run")
    assert (code, out) == (2, "")
    assert said.startswith(f"bench: {option}: {words}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lr = inf", "lr in {}: input should be a finite number, not inf"),
        ("seeds = 1e12", "seeds in {}: input should be less than or equal to 10000, not 1000000000000.0"),
        ("weight-decay = nan", "weight_decay in {}: input should be a finite number, not nan"),
        (f"epochs = 1{'0' * 5000}", "--config {} is not valid TOML: "),
        (f"epochs = {'[' * 5000}", "--config {} is not valid TOML: "),
    ],
)
def test_a_number_out_of_bounds_in_a_file_is_refused_by_key_and_limit(
    bench: Callable[..., tuple[int, str, str]], tmp_path: Path, line: str, words: str
) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(line)
    code, _, said = bench("compare", "--config", config, "--dry-run")
    assert code == 2
    assert said.startswith("bench: " + words.format(config))


def test_what_decides_a_run_can_be_set(tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text("warmup-ratio = 0.25\nweight_decay = 0.5\nevaluations = 7\ndata-seed = 3\n")
    (first, *_) = matrix(Settings.gather({"weight_decay": 0.0, "max_grad_norm": 2.5}, config=config), "cpu")
    assert (first.warmup_ratio, first.weight_decay, first.max_grad_norm, first.evaluations) == (0.25, 0.0, 2.5, 7)
    assert first.workload.data_seed == 3


def test_everything_that_decides_a_run_is_a_setting() -> None:
    asked = (set(RunSpec.model_fields) | set(WorkloadSpec.model_fields)) - {"strategy", "workload", "seed"}
    assert asked <= set(Settings.model_fields)


def numbers(kind: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List the constraints of each number that a type holds."""
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        yield from numbers(inner, (*metadata, *(part for one in more for part in getattr(one, "metadata", [one]))))
    elif kind in (int, float):
        yield metadata
    else:
        for inner in get_args(kind):
            yield from numbers(inner, metadata)


def models(kind: Any) -> set[type[BaseModel]]:
    """Find the models that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {kind}.union(*(models(field.annotation) for field in kind.model_fields.values()))
    return set().union(*map(models, get_args(kind)))


ALL = sorted(models(RunRecord) | models(Settings), key=lambda each: each.__name__)


def test_every_part_of_a_record_is_looked_at() -> None:
    assert {RunRecord, RunSpec, WorkloadSpec, Evaluation, Memory, Work} < set(ALL)


@pytest.mark.parametrize("model", ALL)
def test_every_number_has_a_lower_and_an_upper_bound(model: type[BaseModel]) -> None:
    lower, upper = annotated_types.Ge | annotated_types.Gt, annotated_types.Le | annotated_types.Lt
    for name, field in model.model_fields.items():
        if name == "schema_version":  # it is compared with the one that is known, before anything is read
            continue
        for found in numbers(field.annotation, tuple(field.metadata)):
            assert any(isinstance(one, lower) for one in found), f"{model.__name__}.{name} has no lower bound"
            assert any(isinstance(one, upper) for one in found), f"{model.__name__}.{name} has no upper bound"
