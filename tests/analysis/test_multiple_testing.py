import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.analysis.multiple_testing import holm, letters


def test_holm_gives_the_published_values():
    # Holm, Scandinavian Journal of Statistics 6 (1979): n p for the smallest, (n - 1) p for the next, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_plain_value_and_bonferroni(p_values):
    adjusted = holm(p_values)
    for plain, corrected in zip(p_values, adjusted, strict=True):
        assert plain <= corrected <= min(1, len(p_values) * max(p_values))
    assert min(adjusted) == pytest.approx(min(1, len(p_values) * min(p_values)))
    least = scipy_stats.false_discovery_control(p_values)
    assert all(corrected >= false - 1e-9 for corrected, false in zip(adjusted, least, strict=True))


def test_being_tied_is_not_transitive():
    assert letters("xyz", [("x", "z")]) == {"x": "a", "y": "ab", "z": "b"}


def test_all_tied_and_none_tied():
    assert letters("xyz", []) == dict.fromkeys("xyz", "a")
    assert letters("xyz", itertools.combinations("xyz", 2)) == {"x": "a", "y": "b", "z": "c"}
    assert letters("", []) == {}


def test_there_are_letters_for_more_than_an_alphabet():
    names = [f"s{index}" for index in range(30)]
    given_letters = letters(names, itertools.combinations(names, 2))
    assert (given_letters["s25"], given_letters["s26"], given_letters["s29"]) == ("z", "a1", "d1")


@given(
    st.integers(1, 7).flatmap(
        lambda num: st.tuples(
            st.just(num), st.sets(st.sampled_from(list(itertools.combinations(range(num), 2)) or [(0, 0)]))
        )
    )
)
def test_two_share_a_letter_exactly_if_they_do_not_differ(drawn):
    num, differing = drawn
    names = [f"s{index}" for index in range(num)]
    pairs = [(names[one], names[other]) for one, other in differing if one != other]
    given_letters = letters(names, pairs)
    for one, other in itertools.combinations(names, 2):
        assert (not set(given_letters[one]) & set(given_letters[other])) == ((one, other) in pairs)
