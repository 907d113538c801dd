"""Gates of sides that are real processes, but train nothing: what becomes of a side that misbehaves."""

import pytest

from bench.errors import UsageError
from bench.experiment.spec import RunSpec, parse_strategies
from bench.gate.judging.margins import Margins
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import Subject
from tests.gate.stubs import write_side

TIMES = ["step_seconds_median", "step_seconds_mean"]
REST = ["training_memory_bytes", "accuracy", "first_losses"]
CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Judge two sides, each written by what it does."""
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))
    said = []

    def gate(*, base=None, head=None, strategies="full", timeout=30.0, device="cpu"):
        sides = [
            find_side(f"--{name}", str(write_side(tmp_path / name, **(behaviour or {}))), None)
            for name, behaviour in (("base", base), ("head", head))
        ]
        specs = tuple(
            RunSpec(strategy=terms, steps=30, device=device, lr=1e-3) for terms in parse_strategies(strategies)
        )
        with hold(*sides) as held:
            session = Session(held, Subject(specs, timeout, threads=1), margins=Margins(), say=said.append)
            return session.judge(), said

    return gate


def words(judgement):
    return {finding.metric: finding.verdict for finding in judgement.findings}


def unmeasured(judgement, reason):
    """Whether nothing was measured, for that reason."""
    assert set(words(judgement).values()) == {"NOT_MEASURED"}
    assert all(reason in finding.reason for finding in judgement.findings), judgement.findings
    return True


def test_equal_sides_are_not_worse_in_what_does_not_depend_on_the_machine(gate):
    judgement, _ = gate()
    assert words(judgement).keys() == {*TIMES, *REST}
    assert [words(judgement)[metric] for metric in REST] == ["PASS"] * 3
    assert not {"FAIL", "NOT_MEASURED"} & set(words(judgement).values())
    [accuracy] = [finding for finding in judgement.findings if finding.metric == "accuracy"]
    assert accuracy.num_pairs >= 4
    assert accuracy.pairs[:3] == ((0.91, 0.91), (0.92, 0.92), (0.93, 0.93)), "each pair has a seed of its own"
    assert judgement.base.fingerprint["torch"] == "2.13"


def test_a_side_that_measures_the_whole_process_has_no_memory_to_compare(gate):
    judgement, _ = gate(base={"after": "del measured['memory']['host_before_bytes']"})
    assert {metric for metric in REST if words(judgement)[metric] != "PASS"} == {"training_memory_bytes"}
    (memory,) = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    assert memory.verdict == "NOT_MEASURED"
    assert memory.reason.startswith("base measured no peak above what was there before the model")
    assert judgement.exit_code() == 4


def test_a_slower_head_is_red_once_a_fresh_rerun_agrees(gate):
    judgement, said = gate(head={"before": "seconds = 0.01"})
    assert [words(judgement)[metric] for metric in TIMES] == ["FAIL", "FAIL"]
    assert all(finding.confirmed for finding in judgement.findings if finding.metric in TIMES)
    assert judgement.exit_code() == 1
    assert "red so far: full; a fresh rerun is to confirm it" in said


def test_a_slowness_of_the_first_processes_alone_is_not_red(gate):
    judgement, _ = gate(head={"before": "seconds = 0.01 if seed < 100 else 0.001"})
    assert [words(judgement)[metric] for metric in TIMES] == ["INCONCLUSIVE", "INCONCLUSIVE"]
    assert judgement.exit_code() == 0


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        ("measured['memory']['host_peak_bytes'] += 32 << 20", "training_memory_bytes"),
        ("measured['evaluation']['accuracy'] = 0.5", "accuracy"),
        ("measured['losses'][3] *= 1.01", "first_losses"),
        ("measured['losses'][3] = float('nan')", "first_losses"),
    ],
)
def test_a_head_that_is_worse_is_red_where_it_is_worse(gate, change, metric):
    judgement, _ = gate(head={"after": change})
    assert {metric for metric in REST if words(judgement)[metric] == "FAIL"} == {metric}


def test_a_head_that_diverges_where_base_does_not_is_red(gate):
    judgement, _ = gate(head={"after": "return fail('diverged', 'the loss is nan at step 30')"})
    assert words(judgement)["first_losses"] == "FAIL"
    assert words(judgement)["accuracy"] == "NOT_MEASURED"
    assert judgement.exit_code() == 1


def test_a_base_that_diverges_measures_nothing(gate):
    judgement, _ = gate(base={"after": "return fail('diverged', 'the loss is nan')"})
    assert unmeasured(judgement, "base: its run diverged: the loss is nan")


@pytest.mark.parametrize(
    ("crash", "reason"),
    [
        (CRASH, "its process was ended by SIGSEGV"),
        ("os._exit(3)", "its process ended with exit code 3 and without a last message"),
        ("return fail('failed', 'RuntimeError: broken')", "its run failed: RuntimeError: broken"),
        ("return fail('oom', 'no memory')", "its run oom: no memory"),
        ("os.kill(os.getppid(), signal.SIGKILL)", "its server ended, exit code -9"),
    ],
)
@pytest.mark.parametrize(("side", "code"), [("base", 4), ("head", 5)])
def test_a_crash_is_never_green(gate, side, code, crash, reason):
    judgement, _ = gate(**{side: {"after": crash}})
    assert unmeasured(judgement, f"{side}: {reason}")
    assert judgement.exit_code() == code


def test_a_crash_of_one_seed_leaves_nothing_measured(gate):
    judgement, _ = gate(head={"before": f"seed == 3 and {CRASH}"})
    assert unmeasured(judgement, "head: its process was ended by SIGSEGV")


def test_what_filling_a_cache_imports_counts_for_neither_side(gate, tmp_path):
    """Else the one that came first would look larger for ever, and the first gate of a machine larger than all others."""
    cache = tmp_path / "cache"
    before = f"""
    try: os.mkdir({str(cache)!r})
    except FileExistsError: pass
    else: import xml.dom.minidom
    measured['memory']['host_peak_bytes'] *= 2 if 'xml.dom.minidom' in sys.modules else 1"""
    judgement, _ = gate(base={"before": before}, head={"before": before})
    [memory] = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    assert (memory.verdict, memory.base) == ("PASS", 100 << 20)


def test_what_one_side_has_to_import_both_have(gate):
    size = "measured['memory']['host_peak_bytes'] *= 2 if 'xml.dom.minidom' in sys.modules else 1"
    judgement, _ = gate(base={"before": f"import xml.dom.minidom; {size}"}, head={"before": size})
    [memory] = [finding for finding in judgement.findings if finding.metric == "training_memory_bytes"]
    assert (memory.verdict, memory.head) == ("PASS", 500 << 20)


def test_a_hanging_side_is_ended(gate):
    judgement, _ = gate(head={"before": "time.sleep(600)"}, timeout=1.0)
    assert unmeasured(judgement, "head: it took longer than the limit of a run")
    assert judgement.exit_code() == 5


def test_a_side_that_hangs_as_it_is_imported_is_ended(gate):
    judgement, _ = gate(head={"record": "import time; time.sleep(600)"}, timeout=1.0)
    assert unmeasured(judgement, "head: importing it took longer than the limit of a run")
    assert judgement.exit_code() == 5


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"protocol": "VERSION = 2"}, "it speaks version 2 of the protocol, and this bench speaks version 1"),
        ({"record": "SCHEMA_VERSION = 9"}, "it speaks version 9 of the schema"),
        ({"before": "import torchless"}, "it does not understand the request: ModuleNotFoundError"),
        ({"before": "del measured['losses']"}, "its record cannot be read: measured.losses: Field required"),
        ({"record": "import torchless"}, "it cannot be run: ModuleNotFoundError: No module named 'torchless'"),
    ],
)
@pytest.mark.parametrize("side", ["base", "head"])
def test_a_side_of_another_protocol_is_not_measured(gate, side, behaviour, reason):
    judgement, _ = gate(**{side: behaviour}, strategies="full,freeze")
    assert unmeasured(judgement, f"{side}: {reason}")
    assert judgement.exit_code() == 4


def test_a_head_that_cannot_be_imported_has_crashed(gate):
    judgement, _ = gate(head={"record": "1 / 0"})
    assert unmeasured(judgement, "head: it cannot be run: ZeroDivisionError")
    assert judgement.exit_code() == 5


def test_a_strategy_that_head_has_deleted_is_not_measured_and_the_others_are(gate):
    lacks = "if strategy == 'freeze': return fail('failed', 'unknown strategy', usage=True)"
    judgement, _ = gate(head={"before": lacks}, strategies="freeze,full")
    by_strategy = {name: [f for f in judgement.findings if f.benchmark == name] for name in ("freeze", "full")}
    assert {(f.verdict, f.reason) for f in by_strategy["freeze"]} == {("NOT_MEASURED", "head: unknown strategy")}
    assert "NOT_MEASURED" not in {f.verdict for f in by_strategy["full"]}
    assert judgement.exit_code() == 4


def test_a_request_that_both_sides_call_wrong_is_the_users_mistake(gate):
    wrong = {"before": "return fail('failed', 'no such model', usage=True)"}
    with pytest.raises(UsageError, match="no such model"):
        gate(base=wrong, head=wrong)


def test_sides_that_do_not_fit_together_run_one_after_the_other(gate, tmp_path):
    """A lock stands for the memory: who cannot have it from the start to the end is out of it."""
    lock = tmp_path / "memory"
    before = f"""
    if spec['steps'] == 30:
        try: os.mkdir({str(lock)!r})
        except FileExistsError: return fail('oom', 'no memory')"""
    both = {"before": before, "after": f"if spec['steps'] == 30: os.rmdir({str(lock)!r})"}
    judgement, said = gate(base=both, head=both)
    assert [words(judgement)[metric] for metric in REST] == ["PASS"] * 3
    assert "both sides at once need too much memory; from now on one run after the other" in said


def test_a_warning_says_when_nothing_can_differ(tmp_path, gate):
    judgement, _ = gate()
    assert judgement.warnings == ()
    side = find_side("--base", str(tmp_path / "base"), None)
    with hold(side, side) as held:
        subject = Subject((RunSpec(strategy=parse_strategies("full")[0], steps=20),), 30.0)
        warnings = Session(held, subject, margins=Margins(), say=print).judge().warnings
    assert warnings == ("Base and head are the same, so that nothing can have changed.",)
