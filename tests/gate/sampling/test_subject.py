import pytest

from bench.errors import UsageError
from bench.gate.sampling.subject import TINY, gather
from bench.workload import toy
from bench.workload.toy import save_tiny_llama, save_toy_reviews


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def on_cpu(device):
    assert device == "auto"
    return "cpu"


def test_the_tiny_workload_is_made_once_and_needs_no_network(tmp_path, monkeypatch):
    made = gather({"strategies": "full,freeze:last=1"}, None, on_cpu)
    assert [spec.name for spec in made.specs] == ["full", "freeze:last=1"]
    spec = made.specs[0]
    assert (spec.steps, spec.evaluations, spec.lr, spec.workload.train_samples) == (60, 1, 1e-3, None)
    assert spec.workload.model.startswith(str(tmp_path / "cache"))
    assert (made.threads, made.timeout) == (1, 600.0)
    monkeypatch.setattr(toy, "save_toy_reviews", None)
    assert gather({}, None, on_cpu).specs[0].workload == spec.workload


def test_what_is_given_goes_over_the_file_and_the_file_over_what_suits_a_gate(tmp_path, monkeypatch):
    config = tmp_path / "bench.toml"
    config.write_text("lr = 0.5\nsteps = 30\ntimeout = 9.0\n[gate]\nmargin = 0.1\n")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    made = gather({"steps": 40}, config, on_cpu)
    assert (made.specs[0].lr, made.specs[0].steps, made.timeout, made.threads) == (0.5, 40, 9.0, 2)


def test_both_sides_pack_unless_a_way_is_given_which_a_baseline_keeps():
    plain, forced = gather({}, None, on_cpu), gather({"way": "rows"}, None, on_cpu)
    assert [made.specs[0].way for made in (plain, forced)] == [None, "rows"]
    assert "way" not in plain.work
    again = gather({name: value for name, value in forced.work.items() if name != TINY}, None, on_cpu)
    assert (again.specs, again.work) == (forced.specs, forced.work)


def test_a_model_and_data_of_ones_own(tmp_path):
    model, data = save_tiny_llama(tmp_path / "model"), save_toy_reviews(tmp_path / "data.csv")
    made = gather({"model": str(model), "dataset": str(data)}, None, on_cpu)
    assert (made.specs[0].lr, made.threads, made.specs[0].workload.train_samples) == (None, None, 512)
    assert gather({"model": str(model), "dataset": str(data)}, None, lambda _: "cuda").specs[0].device == "cuda"


def test_what_is_wrong_is_said_before_any_work():
    with pytest.raises(UsageError, match="--steps 5: a gate needs 20 or more"):
        gather({"steps": 5}, None, on_cpu)
    with pytest.raises(UsageError, match=r"unknown model 'minilm-l7'. Did you mean minilm-l6\?"):
        gather({"model": "minilm-l7"}, None, on_cpu)
    with pytest.raises(UsageError, match="unknown data set"):
        gather({"dataset": "rotten-tomatos"}, None, on_cpu)
    with pytest.raises(UsageError, match="cannot read"):
        gather({"strategies": "full,,"}, None, on_cpu)
