"""When compiling pays for itself."""

import pytest

from bench.analysis.comparison import compare
from bench.experiment.spec import Term


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (0.5, "Compiling in amp+compile pays for itself after 6"),
        (1.2, "Compiling in amp+compile does not pay: its steps are no faster than those of amp."),
    ],
)
def test_compiling_pays_after_so_many_steps(make_record, step, told):
    compiled = make_record("amp", step=step)
    terms = (*compiled.spec.strategy, Term(name="compile"))
    compiled = compiled.model_copy(
        update={
            "spec": compiled.spec.model_copy(update={"strategy": terms}),
            "measured": compiled.measured.model_copy(update={"compile_seconds": 30.0}),
        }
    )
    comparison = compare([make_record("full", step=2.0), make_record("amp"), compiled])
    assert any(sentence.startswith(told) for sentence in comparison.sentences)
    alone = compare([make_record("full", step=2.0), compiled])
    assert not any("Compiling" in sentence for sentence in alone.sentences)
