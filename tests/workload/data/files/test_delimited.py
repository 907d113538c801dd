from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.data.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]

PLAIN = [("a fine film", "1"), ("a dull film", "0")]


def pairs(rows: Rows) -> list[tuple[object, object]]:
    return list(zip(rows.texts, rows.labels, strict=True))


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("text,label\na fine film,1\na dull film,0\n", PLAIN),
        ("text,label\na fine film,1\na dull film,0", PLAIN),  # no end of the last line
        ("text,label\r\na fine film,1\r\na dull film,0\r\n", PLAIN),
        ("text,label\ra fine film,1\ra dull film,0\r", PLAIN),  # old Macs
        ("\n  \n\r\ntext,label\na fine film,1\n\na dull film,0\n\n \n\n", PLAIN),
        ("id,text,label,\n1,a fine film,1,\n2,a dull film,0,\n", PLAIN),
        ("text,label,text 2,note,note\na fine film,1,x,y,z\na dull film,0,x,y,z\n", PLAIN),
        ('"text","label"\n"a fine film","1"\n"a dull film","0"\n', PLAIN),
        ("text,label\n,1\na,\n,\nb,0\n", [("", "1"), ("a", ""), ("", ""), ("b", "0")]),
        ("text,label\nNA,1\n2024-01-02,0\nnull,nan\n1e5,007\n", [("NA", "1"), ("2024-01-02", "0"), ("null", "nan"), ("1e5", "007")]),
        ('text,label\n5" disk,1\nso "so" film,0\n', [('5" disk', "1"), ('so "so" film', "0")]),
        ('text,label\n"a ""b"", c",1\n"x",0\n', [('a "b", c', "1"), ("x", "0")]),
        ('text,label\n"a\rb",1\n"c\r\nd",0\n', [("a\rb", "1"), ("c\r\nd", "0")]),
        ('text,label\r"a\nb",1\rc,0\r', [("a\nb", "1"), ("c", "0")]),
        ("label,text\u2028\u0085x,text\n1,a\x0bb,c\x1cd\n0,e,f\n", [("c\x1cd", "1"), ("f", "0")]),
    ],
)  # fmt: skip
def test_a_csv_is_read_whole(content: str, rows: list[tuple[str, str]], write: Write, read: Read) -> None:
    found, _ = read(write("data.csv", content))
    assert pairs(found) == rows
    breaks = sum("\n" in text or "\r" in text for text, _ in rows)
    assert found.notes == ((f"rows with line breaks inside quotes: {breaks}",) if breaks else ())


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_separator_is_found_and_told(separator: str, word: str, write: Write, read: Read) -> None:
    content = f"text;label\n{'a, b, c' * 9};1\nfine, really;0\n".replace(";", separator)
    found, _ = read(write("data.csv", content))
    assert pairs(found) == [("a, b, c" * 9, "1"), ("fine, really", "0")]
    assert found.notes == (f"separated by {word}",)


def test_a_tsv_of_commas_is_found(write: Write, read: Read) -> None:
    assert read(write("data.tsv", "text,label\na\tb,1\nc,0\n"))[0].notes == ("separated by commas",)


def test_the_line_with_which_excel_names_the_separator_is_no_row(write: Write, read: Read, refused: Refused) -> None:
    found, _ = read(write("data.csv", "sep=;\r\ntext;label,x\r\na;1\r\nb;0\r\n"), label_column="label,x")
    assert pairs(found) == [("a", "1"), ("b", "0")]
    assert "line 4: 3 fields" in refused(write("more.csv", "sep=;\r\ntext;label\r\na;1\r\nb;0;9\r\n"))


def test_a_file_that_fits_two_separators_is_refused(write: Write, refused: Refused) -> None:
    told = refused(write("data.csv", "text;label,note;x\na;1,b;c\nd;0,e;f\n"))
    assert "separated by commas and by semicolons" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text,label\na,1\nb,1,2\n", "line 3: 3 fields, separated by commas, where the header has 2"),
        ("text,label\na,1\nb\nc,1\n", "line 3: 1 field, separated by commas, where the header has 2"),
        ("text,label\na,1,\nb,0,\n", "line 2: 3 fields"),  # pandas would take the text for an index
        ('text,label\na,1\n"b,0\nc,1\n', "line 3: its quotes do not pair"),
        ('text,label\na,1\n"b" c,0\nc,1\n', "line 3: its quotes do not pair"),
        ('text,label\n"say \\"b\\", c",0\nc,1\n', "line 2: .*--quoting backslash"),
        ("text,label\na,1\nb\0c,0\n", "line 3: it holds a NUL character"),
        ("text;label\na;1\nb;1;2\n", "line 3: 3 fields, separated by semicolons"),
        ("Report of 2024\n\ntext,label\na,1\n", "line 3: 2 fields, .*, where the header has 1"),
        ("label,text\n1,a\n0,b\rok,then\n", "line 3: it ends at a lone carriage return"),
        ("text,label\n\r,0\nb,1\n", "line 2: it ends at a lone carriage return"),
        ("label,text\r1,a\r0,b\nok,then\r", "line 1: it ends at a lone carriage return"),
        ("", "is empty"),
        ("\n \n", "is empty"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(content: str, told: str, write: Write, refused: Refused) -> None:
    found = refused(write("data.csv", content))
    assert re.search(told, found)
    assert "data.csv" in found


def test_line_breaks_inside_quotes_are_told(write: Write, read: Read) -> None:
    found, _ = read(write("data.csv", 'text,label\n"Dear Sir,\nthanks",1\n"a\r\n\r\nb",0\nc,1\n'))
    assert pairs(found) == [("Dear Sir,\nthanks", "1"), ("a\r\n\r\nb", "0"), ("c", "1")]
    assert found.notes == ("rows with line breaks inside quotes: 2",)


def test_rows_that_a_stray_quote_swallows_are_refused_though_every_record_fits(
    write: Write, read: Read, refused: Refused
) -> None:
    content = 'text,label\nfine,1\n"Great,1\ndull,0\nhe said so",0\n"a, b",1\n'
    told = refused(write("data.csv", content))
    assert "line 3: quotes join 3 lines" in told
    assert "--quoting none" in told
    found, _ = read(write("data.csv", content), quoting="standard")
    assert len(found.texts) == 3
    assert found.texts[1] == "Great,1\ndull,0\nhe said so"
    unquoted = content.replace('"a, b"', "b")
    found, _ = read(write("data.csv", unquoted), quoting="none")
    assert found.texts == ["fine", '"Great', "dull", 'he said so"', "b"]
    assert "line 6: 3 fields" in refused(write("data.csv", content), quoting="none")


def test_quotes_of_a_tsv_that_can_only_be_characters_are(write: Write, read: Read) -> None:
    rows = [(f'" a fine film {number}' if number % 5 else f'film "{number}"', str(number % 2)) for number in range(30)]
    content = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows])
    found, _ = read(write("data.tsv", content))
    assert pairs(found) == rows
    assert found.notes == ("quotes read as characters like all others",)
    assert pairs(read(write("data.csv", content))[0]) == rows


def test_quotes_of_a_tsv_that_can_only_be_marks_are(write: Write, read: Read) -> None:
    found, _ = read(write("data.tsv", 'text\tlabel\n"a\tb"\t1\n"say ""c"""\t0\n'))
    assert pairs(found) == [("a\tb", "1"), ('say "c"', "0")]
    found, _ = read(write("all.tsv", '"text"\t"label"\n"a"\t"1"\n"b"\t"0"\n'))
    assert pairs(found) == [("a", "1"), ("b", "0")]


@pytest.mark.parametrize("rows", ['"a fine film"\t1\nb\t0\n', '"Great\t1\ndull\t0\nquoth he"\t0\nfine\t1\n'])
def test_quotes_of_a_tsv_that_can_be_both_must_be_said(rows: str, write: Write, read: Read, refused: Refused) -> None:
    file = write("data.tsv", f"text\tlabel\n{rows}")
    told = refused(file)
    assert "line 2" in told
    assert "--quoting none or --quoting standard" in told
    as_characters, as_marks = read(file, quoting="none")[0], read(file, quoting="standard")[0]
    assert str(as_characters.texts[0]).startswith('"')
    assert not str(as_marks.texts[0]).startswith('"')
    spec = WorkloadSpec(dataset=str(file), quoting="none")
    other = spec.model_copy(update={"quoting": "standard"})
    assert source_of(spec).fingerprint != source_of(other).fingerprint


def test_quotes_escaped_by_a_backslash_are_read_on_request(write: Write, read: Read) -> None:
    found, _ = read(write("data.csv", 'text,label\n"say \\"b\\", c",0\nd,1\n'), quoting="backslash")
    assert pairs(found) == [('say "b", c', "0"), ("d", "1")]


def test_a_text_of_any_length_is_read(write: Write, read: Read) -> None:
    text = "long " * 60_000
    assert read(write("data.csv", f"text,label\n{text},1\nb,0\n"))[0].texts[0] == text


def test_a_missing_header_costs_no_row_in_silence(write: Write, refused: Refused) -> None:
    told = refused(write("data.csv", "a film that is as good as any other,1\na dull film,0\n"))
    assert "first row reads like data: put one with the names of columns above it" in told
    assert "no text column and no label column" in told


def test_columns_of_one_name_are_not_chosen_between(write: Write, refused: Refused) -> None:
    told = refused(write("data.csv", "text,label,text\na,1,b\n"))
    assert "two columns are called text" in told
