"""The cell of a CSV, against the standard library's csv module."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.table.cell import NUMBER, defuse, quote, read_cell, unquote

TEXTS = st.text(st.sampled_from('a1,;"\n =+-@.é\t\uff1d\u200b\xa0'), max_size=8)
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
UNSEEN = ["", " ", "\t", "\n", "\r", "\xa0", "\u3000", "\ufeff", "\u200b", " \u2060\v"]


def read_csv(text: str, delimiter: str = ",") -> list[list[str]]:
    """Return what the csv module reads."""
    return list(csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (b"63", 63),
        (b" 63.0\t", 63),
        (b"6.3e1", 63),
        (b"+.63E+2", 63),
        (b"-1.", -1),
        (b'"63"', 63),
        (b'" 63 "', 63),
        (b'"63" ', 63),
        (b"1e999", float("inf")),
        (b"male", "male"),
        (b'"st-t"', "st-t"),
        (b'"a ""b"""c', 'a "b"c'),
        (b' "63"', '"63"'),
        (b"6 3", "6 3"),
        (b"63,5", "63,5"),
        (b"1_0", "1_0"),
        (b"0x3f", "0x3f"),
        (b"inf", "inf"),
        (b"?", "?"),
        (b"None", "None"),
        (b"none", "none"),
        ("\N{FULLWIDTH DIGIT SIX}".encode(), "\N{FULLWIDTH DIGIT SIX}"),
        ("\N{NO-BREAK SPACE}63".encode(), "\N{NO-BREAK SPACE}63"),
        *[(cell, None) for cell in (b"", b" ", b'""', b"NA", b"N/A", b"nan", b"NaN", b"null", b'" NULL "')],
    ],
)
def test_what_a_cell_states(cell: bytes, value: object) -> None:
    assert read_cell(cell) == value


@given(TEXTS.filter(lambda text: "\n" not in text and "," not in text))
def test_a_cell_is_unquoted_as_the_csv_module_does(cell: str) -> None:
    [row] = read_csv(cell) or [[]]
    assert unquote(cell.encode()).decode() == "".join(row)


@given(TEXTS, st.sampled_from(",;|\t"))
def test_what_is_quoted_is_read_back(text: str, delimiter: str) -> None:
    assert read_csv(quote(text, delimiter) + delimiter, delimiter) == [[text, ""]]


@given(
    st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=4),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(",;|\t"),
)
def test_no_cell_is_run_once_it_is_defused_and_all_else_stays(
    table: list[list[str]], ending: str, quoted: bool, delimiter: str
) -> None:
    written, quoting = io.StringIO(newline=""), csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerows(table)  # type: ignore[arg-type]
    safe = defuse(written.getvalue().encode(), delimiter)
    for before, after in zip(table, read_csv(safe.decode(), delimiter), strict=True):
        for sent, cell in zip(before, after, strict=True):
            begins = sent.lstrip(" \n\t\u200b\xa0").startswith(tuple(SIGNS)) or sent.startswith(tuple("\n\t"))
            runs = begins and not NUMBER.fullmatch(sent.strip(" ").encode())
            assert cell == (f"'{sent}" if runs else sent)
    assert defuse(safe, delimiter) == safe


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_a_formula_is_defused_whatever_stands_unseen_before_it(sign: str, unseen: str, delimiter: str) -> None:
    for text in (f"{unseen}{sign}1+1", f'{unseen}{sign}cmd|"x"!A0'):
        row = delimiter.join(("", quote(text, delimiter), "", "a\n"))
        for sent in (row, delimiter.join(("", '"' + text.replace('"', '""') + '"', "", "a\r\n"))):
            assert read_csv(defuse(sent.encode(), delimiter).decode(), delimiter) == [["", f"'{text}", "", "a"]]


@pytest.mark.parametrize("text", ["\t1", "\n1", "\r1", "\tname", "\nname", "\r\nname"])
def test_what_begins_with_a_tab_or_a_line_end_is_not_trusted(text: str) -> None:
    assert read_csv(defuse(f'"{text}",1\n'.encode(), ",").decode()) == [[f"'{text}", "1"]]


@pytest.mark.parametrize(
    ("row", "safe"),
    [
        (b"=1+1,-1.5,+3e2\n", b'"\'=1+1",-1.5,+3e2\n'),
        (b"\"=cmd|' /C calc'!A0\",x\r\n", b"\"'=cmd|' /C calc'!A0\",x\r\n"),
        (b"a,@sum(b)\r\n", b'a,"\'@sum(b)"\r\n'),
        (b"a,-b\n+c,d\n", b'a,"\'-b"\n"\'+c",d\n'),
        (b'"a\n=b,=c",=d\n', b'"a\n=b,=c","\'=d"\n'),
        (b'"=""a""",=b"c\n', b'"\'=""a""","\'=b""c"\n'),
        (b"a=b, =c,'=d\n", b"a=b,\"' =c\",'=d\n"),
        (b" -5,-5 , +.5e1\n", b" -5,-5 , +.5e1\n"),
        (b"a,\r\n,\r\n", b"a,\r\n,\r\n"),
        (b"\r=1,\r\n", b'"\'\r=1",\r\n'),
        (b"-,=\n", b'"\'-","\'="\n'),
    ],
)
def test_a_cell_is_defused_in_place(row: bytes, safe: bytes) -> None:
    assert defuse(row, ",") == safe
