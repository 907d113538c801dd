"""The search of learning rates: against scores whose best rate is known, and that each trial is run once."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.quality import ACCURACY
from bench.campaign.preflight import with_own_rate
from bench.campaign.rate_search import Tuned, Tuner
from bench.experiment.matrix import matrix
from bench.experiment.settings import Settings
from bench.experiment.spec import parse_strategy
from bench.experiment.tuning import TUNING_SEED, RateSearch
from bench.protocol import DataRead, Request
from bench.records.data_summary import DataSummary, Lengths, SplitSummary
from bench.records.store import Store
from tests.campaign.one_by_one import OneByOne

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.experiment.spec import RunSpec
    from bench.protocol import Message
    from bench.records.record import RunRecord
    from bench.records.tuning import Tuning

    MakeRecord = Callable[..., RunRecord]

NUM_TRAIN = 512


class Hill(OneByOne):
    """Carries out trials whose accuracy falls off to both sides of a best rate, and counts them.

    Shorter trials are worse and like higher rates, as in training; above `breaks` times the best they diverge.
    """

    def __init__(
        self,
        make_record: MakeRecord,
        best: float,
        *,
        noise: random.Random | None = None,
        breaks: float = 100.0,
        ends: Mapping[str, str] | None = None,
        stop_after: int | None = None,
        default: float = 0.6,
    ) -> None:
        self.interrupted = False
        self.requests: list[Request] = []
        self._make, self._best, self._noise, self._breaks = make_record, best, noise, breaks
        self._ends, self._stop_after, self._default = ends or {}, stop_after, default

    @property
    def trials(self) -> list[RunSpec]:
        return [request.spec for request in self.requests if request.mode == "run"]

    def carry_out(self, request: Request, on_message: Callable[[Message], None]) -> RunRecord:
        self.requests.append(request)
        spec = request.spec
        if request.mode == "prepare":
            on_message(DataRead(data=_summary()))
            return self._make().model_copy(update={"spec": spec})
        if len(self.trials) == self._stop_after:
            self.interrupted = True
            return self._make(status="interrupted", reason="by Ctrl-C").model_copy(update={"spec": spec})
        text = dict(spec.strategy[0].options).get("lr")
        steps = spec.steps or math.ceil(NUM_TRAIN / spec.batch_size)
        status = self._ends.get(spec.name, "ok")
        if text and float(text) > self._breaks * self._best:
            status = "diverged"
        if status != "ok":
            return self._make(status=status, reason="as it was to be").model_copy(update={"spec": spec})
        accuracy = self._accuracy(text and float(text), steps)
        made = self._make(num_steps=steps, num_rows=1000, accuracy=accuracy)
        return made.model_copy(update={"spec": spec, "wall_seconds": float(steps)})

    def _accuracy(self, rate: float | None, steps: int) -> float:
        short = math.log2(32 / steps)
        off = 0.0 if rate is None else abs(math.log10(rate / (self._best * 1.3**short)))
        fair = self._default if rate is None else 0.9 - 0.03 * short - 0.2 * off
        if self._noise is None:
            return max(0.05, fair)
        rows = [self._noise.random() < max(0.05, fair) for _ in range(1000)]
        return sum(rows) / len(rows)


class Silent:
    """Shows nothing."""

    def begin(self, *_: object) -> None: ...
    def message(self, *_: object) -> None: ...
    def end(self, *_: object) -> None: ...
    def estimate(self, *_: object) -> None: ...


def _summary() -> DataSummary:
    split = SplitSummary(num_rows=800, num_without_text=0, num_without_label=0, num_repeated=0, num_contradicting=0)
    return DataSummary(
        train=split, evaluation=None, num_dropped_duplicates=0, num_available_train=600, num_available_eval=200,
        num_train=NUM_TRAIN, num_eval=200, num_classes=2, classes=(), num_other_train=0, num_other_eval=0,
        num_unseen_classes=0, num_unseen_rows=0, majority_class="good", majority_share=0.5,
        lengths=Lengths(median=9, quantile_95=20, longest=30, limit=64, truncated_share=0, truncated_eval_share=0),
    )  # fmt: skip


def _search(runner: Hill, directory: Path, strategies: str = "full", trials: int = 8, **asked: Any) -> Tuned:
    specs = matrix(Settings.gather({"strategies": strategies, "seeds": 2} | asked), "cpu")
    with Store.open(directory, resume=True) as store:
        tuner = Tuner(RateSearch(trials=trials), ACCURACY, store, runner, Silent())
        own = with_own_rate(specs)
        return Tuned.of(specs, tuner.tune(spec for spec in specs if spec.strategy not in own))


def _tuning(tuned: Tuned) -> Tuning:
    (tuning,) = tuned.tunings.values()
    return tuning


@pytest.mark.parametrize("best", [3e-5, 2.2e-4, 1e-3, 7e-3, 0.05])
def test_the_best_rate_is_found_within_a_factor_of_two(best: float, make_record: MakeRecord, tmp_path: Path) -> None:
    found = _tuning(_search(Hill(make_record, best), tmp_path)).lr
    assert found is not None
    assert 0.5 <= found / best <= 2


@settings(max_examples=15)
@given(exponent=st.floats(-4.7, -1.3), seed=st.integers(0, 2**32))
def test_with_the_noise_of_1000_rows_little_is_lost(
    exponent: float, seed: int, make_record: MakeRecord, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hill = Hill(make_record, 10**exponent, noise=random.Random(seed))
    found = _tuning(_search(hill, tmp_path_factory.mktemp("trials"))).lr
    assert found is not None
    assert 0.2 * abs(math.log10(found / 10**exponent)) < 0.12


def test_every_strategy_has_the_same_trials(make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3)
    tuned = _search(runner, tmp_path, "full,freeze:last=1+amp")
    grids = [[(trial.num_steps, trial.status) for trial in tuning.trials] for tuning in tuned.tunings.values()]
    assert grids[0] == grids[1] == [(32, "ok"), *[(16, "ok")] * 8, *[(32, "ok")] * 4]
    assert all(tuning.seconds == 32 + 8 * 16 + 4 * 32 for tuning in tuned.tunings.values())
    assert len(runner.trials) == 26


def test_trials_see_neither_the_evaluation_rows_nor_the_seeds_that_are_measured(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    runner = Hill(make_record, 1e-3)
    tuned = _search(runner, tmp_path)
    assert all(request.validation for request in runner.requests)
    assert {spec.seed for spec in runner.trials} == {TUNING_SEED}
    assert [spec.seed for spec in tuned.specs] == [0, 1]


def test_the_runs_have_the_rate_in_their_name(make_record: MakeRecord, tmp_path: Path) -> None:
    tuned = _search(Hill(make_record, 1.4e-4), tmp_path, "freeze+amp")
    assert {spec.name for spec in tuned.specs} == {"freeze:lr=0.00014+amp"} == set(tuned.tunings)
    assert tuned.name_of("freeze+amp") == "freeze:lr=0.00014+amp"
    assert tuned.specs[0].strategy == parse_strategy(tuned.specs[0].name)


def test_default_rates_stay_where_no_rate_is_better(make_record: MakeRecord, tmp_path: Path) -> None:
    tuned = _search(Hill(make_record, 1e-3, default=0.95), tmp_path)
    assert _tuning(tuned).lr is None
    assert {spec.name for spec in tuned.specs} == {"full"}


@pytest.mark.parametrize(("best", "edge"), [(1e-6, "lowest"), (1e-3, None), (0.9, "highest")])
def test_an_edge_is_told(best: float, edge: str | None, make_record: MakeRecord, tmp_path: Path) -> None:
    assert _tuning(_search(Hill(make_record, best), tmp_path)).edge == edge


def test_what_diverges_loses(make_record: MakeRecord, tmp_path: Path) -> None:
    tuning = _tuning(_search(Hill(make_record, 1e-3, breaks=1.1), tmp_path))
    assert tuning.lr is not None
    assert tuning.lr <= 1.1e-3
    assert {trial.status for trial in tuning.trials} == {"ok", "diverged"}
    assert all((trial.quality is None) == (trial.status == "diverged") for trial in tuning.trials)


def test_default_rates_that_diverge_are_searched_beside(make_record: MakeRecord, tmp_path: Path) -> None:
    tuning = _tuning(_search(Hill(make_record, 1e-3, ends={"full": "diverged"}), tmp_path))
    assert tuning.trials[0].quality is None
    assert tuning.lr == pytest.approx(1e-3, rel=1)


@pytest.mark.parametrize("status", ["skipped", "failed", "oom"])
def test_what_cannot_be_trained_is_not_searched(status: str, make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3, ends={"full": status})
    tuned = _search(runner, tmp_path, "full,freeze")
    assert [spec.name for spec in runner.trials].count("full") == 1
    assert len(tuned.tunings) == 1
    assert "full" in {spec.name for spec in tuned.specs}


def test_a_strategy_that_refuses_a_rate_on_this_model_is_not_searched(make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3, ends={"full:lr=1e-05": "failed"})
    assert _search(runner, tmp_path).tunings == {}
    assert [spec.name for spec in runner.trials] == ["full", "full:lr=1e-05"]


@pytest.mark.parametrize("status", ["oom", "timeout", "killed", "failed"])
def test_a_trial_that_does_not_finish_comes_last_and_ends_no_search(
    status: str, make_record: MakeRecord, tmp_path: Path
) -> None:
    tuning = _tuning(_search(Hill(make_record, 0.03, ends={"full:lr=0.1": status}), tmp_path))
    assert tuning.lr == 0.027
    assert [trial.status for trial in tuning.trials if trial.lr == 0.1] == [status]


def test_a_rate_that_is_asked_for_beside_is_run_once(make_record: MakeRecord, tmp_path: Path) -> None:
    tuned = _search(Hill(make_record, 1.4e-4), tmp_path, "full+amp,full+amp:lr=1.40e-4")
    assert [spec.name for spec in tuned.specs] == ["full:lr=0.00014+amp"] * 2
    assert [spec.seed for spec in tuned.specs] == [0, 1]


def test_trials_have_the_steps_of_a_run_whatever_is_held_out(make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3)
    _search(runner, tmp_path, train_samples=None, epochs=3)
    assert max(spec.steps or 0 for spec in runner.trials) == 3 * 800 / 16


def test_a_rate_of_its_own_is_left_alone(make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3)
    tuned = _search(runner, tmp_path, "full:lr=1e-5,discriminative:body=1e-5")
    assert runner.requests == []
    assert tuned.tunings == {}


def test_a_search_goes_on_where_it_was_interrupted(make_record: MakeRecord, tmp_path: Path) -> None:
    first = Hill(make_record, 1e-3, stop_after=6)
    assert _search(first, tmp_path, "full,freeze").tunings == {}
    second = Hill(make_record, 1e-3)
    whole = _search(second, tmp_path, "full,freeze")
    assert len(first.trials) - 1 + len(second.trials) == 26
    assert _search(Hill(make_record, 1e-3), tmp_path, "full,freeze") == whole


def test_a_run_too_short_for_rounds_has_one(make_record: MakeRecord, tmp_path: Path) -> None:
    runner = Hill(make_record, 1e-3)
    _search(runner, tmp_path, steps=6)
    assert [spec.steps for spec in runner.trials] == [6] * 9
