from __future__ import annotations

from bench.records.names import in_quotes


def test_a_name_in_quotes_shows_what_cannot_be_seen() -> None:
    assert in_quotes("a\N{NO-BREAK SPACE}b\nc\N{ZERO WIDTH SPACE}") == '"a\\xa0b\\nc\\u200b"'
    assert in_quotes("stra\N{LATIN SMALL LETTER SHARP S}e") == '"stra\N{LATIN SMALL LETTER SHARP S}e"'
    assert len(in_quotes("long " * 30)) == 42
