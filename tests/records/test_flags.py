from typing import get_args

import pytest

from bench.records.flags import FLAGS, FlagCode, is_suspect, kind_of


@pytest.mark.parametrize("code", ["not-packed", "few-steps", "chance-accuracy", "truncated-inputs", "small-evaluation"])
def test_a_note_does_not_keep_a_row_from_ranking(code):
    assert not is_suspect(code)


@pytest.mark.parametrize("code", ["throttled", "swap", "gpu-lost", "amp-without-effect", "memory-residual"])
def test_a_doubt_about_the_numbers_does(code):
    assert is_suspect(code)


def test_a_flag_of_a_later_version_may_be_a_doubt():
    assert is_suspect("of-the-future")
    assert "does not know" in kind_of("of-the-future").meaning


def test_every_code_has_a_meaning_and_no_other():
    assert tuple(FLAGS) == get_args(FlagCode)


def test_every_meaning_is_one_sentence():
    for code, kind in FLAGS.items():
        assert kind.meaning[0].isupper(), code
        assert kind.meaning.endswith("."), code
        assert ". " not in kind.meaning, code
