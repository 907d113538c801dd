"""Colours, shapes and dashes of figures."""

import pytest

from reports.charts.theme import DARK, LIGHT, contrast, styles_of


def test_looks_differ_in_more_than_colour_and_stand_out_in_both_themes():
    styles = list(styles_of(map(str, range(12))).values())
    assert len({(style.colour, style.marker, style.dash) for style in styles}) == 12
    assert len({style.marker for style in styles[:10]}) == 10


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_graphics_stand_out_in_both_themes(theme):
    for ground in (theme["paper"], theme["card"]):
        for name in ("ink", "muted", "accent", "pass", "warn", "fail", "open"):
            assert contrast(theme[name], ground) >= 4.5, name
        for name in theme:
            assert not name.startswith("series-") or contrast(theme[name], ground) >= 3, name
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)
