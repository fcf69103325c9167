"""The C parser reads what RecBole's own call reads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole.data.dataset import dataset as recbole_dataset

from recbole_cammsr.data.atomic_header import read_header
from recbole_cammsr.data.table_reading import check_byte_order_mark, check_fields, fast_reading

CELLS = st.text(alphabet="aN\"é 1.-e'#\\,;x", max_size=5) | st.sampled_from(
    ["", "NA", "nan", "None", "01", "1e3", '"quoted"', '"with\ttab"', '"two\nlines"', '"open']
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.sampled_from(["", "NA"])


def read(path: str, fast: bool) -> object:
    options = {
        "delimiter": "\t",
        "usecols": ["user:token", "time:float"],
        "dtype": {"user:token": str, "time:float": np.float64},
        "encoding": "utf-8",
        "engine": "python",
    }
    try:
        if not fast:
            return recbole_dataset.pd.read_csv(path, **options)
        with fast_reading():
            return recbole_dataset.pd.read_csv(path, **options)
    except ValueError as error:
        return str(error)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, NUMBERS), min_size=1, max_size=6),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_reads_as_by_the_python_parser(tmp_path_factory, rows, end):
    lines = ["user:token\tother:token\ttime:float", *("\t".join(row) for row in rows)]
    path = str(tmp_path_factory.getbasetemp() / "table.inter")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(end.join(lines) + end)
    slow, fast = read(path, fast=False), read(path, fast=True)
    if isinstance(slow, pd.DataFrame):
        assert isinstance(fast, pd.DataFrame)
        pd.testing.assert_frame_equal(fast, slow, check_exact=True)
    else:
        assert isinstance(fast, str)
        assert path in fast


def test_a_plain_table_goes_through_the_c_parser(tmp_path, monkeypatch):
    path = tmp_path / "plain.inter"
    path.write_text("user:token\ttime:float\nu1\t0.1\n")
    engines = []
    original = pd.read_csv
    monkeypatch.setattr(
        pd, "read_csv", lambda *a, **k: engines.append(k["engine"]) or original(*a, **k)
    )
    frame = read(str(path), fast=True)
    assert engines == ["c"]
    assert frame["time:float"].tolist() == [0.1]
    path.write_text('user:token\ttime:float\n"u\t1"\t0.1\n')
    assert read(str(path), fast=True)["user:token"].tolist() == ["u\t1"]
    assert engines == ["c", "python"]


def test_lines_with_too_many_cells_are_named(tmp_path):
    path = tmp_path / "long.inter"
    lines = ["user:token\ttime:float", "u1\t5", "u2\t6\tmore", "u3\t7", "u4\t8\t\t"]
    path.write_text("\n".join(lines) + "\n")
    says = read(str(path), fast=True)
    assert f"2 lines of {path} have more cells than the 2 of the first line" in says
    assert "line 3, 'u2\\t6\\tmore'" in says
    path.write_text("\n".join(lines).replace("u3", '"u\t3"') + "\n")
    assert read(str(path), fast=True) == says


def test_separators_at_the_end_of_a_line_are_shown(tmp_path):
    path = tmp_path / "long.inter"
    path.write_text("user:token\ttime:float\nu1\t5\t\n")
    assert "such as line 2, 'u1\\t5\\t'; " in read(str(path), fast=True)


@pytest.mark.parametrize("cell", ['"u\t1"', '"u\n1"', '"u\t\n1"'])
def test_separators_and_line_breaks_in_quotes_are_no_cells(tmp_path, cell):
    path = tmp_path / "quoted.inter"
    path.write_text(f"user:token\ttime:float\n{cell}\t5\nu2\t6\n")
    assert read(str(path), fast=True)["user:token"].tolist() == [cell.strip('"'), "u2"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["u1\t5", "u2\tnoon", "u3\t"],
            r"column 'time:float' of .*odd\.inter holds 1 cell that .*'noon'",
        ),
        (["u1\t2020-01-01"] * 5, r"5 cells that are no numbers \('2020-01-01', .*, …\)"),
        (["u1\t5", '"u2\t5'], r"odd\.inter cannot be read: unexpected end"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_file(tmp_path, lines, says):
    path = tmp_path / "odd.inter"
    path.write_text("\n".join(["user:token\ttime:float", *lines]) + "\n")
    options = {"delimiter": "\t", "dtype": {"user:token": str, "time:float": np.float64}}
    with pytest.raises(ValueError, match=says), fast_reading():
        recbole_dataset.pd.read_csv(
            str(path), engine="python", usecols=list(options["dtype"]), **options
        )


@pytest.mark.parametrize("head", ["", "user:token\ttime:float\n" + "u1\t5\n" * 10_000])
def test_another_encoding_is_named(tmp_path, head):
    path = tmp_path / "odd.inter"
    path.write_bytes(head.encode() + "né:token\ttime:float\n".encode("latin-1"))
    columns = {"user:token": str, "time:float": np.float64}
    says = r"odd\.inter is not text in utf-8: .*`encoding`"
    with pytest.raises(ValueError, match=says):
        read_table(str(path), columns)


def read_table(path, columns):
    read_header(path, "\t", "utf-8").check()
    with fast_reading():
        recbole_dataset.pd.read_csv(
            path, engine="python", delimiter="\t", dtype=columns, encoding="utf-8"
        )


def test_recboles_module_is_restored_after_an_error():
    before = recbole_dataset.pd
    with pytest.raises(FileNotFoundError), fast_reading():
        recbole_dataset.pd.read_csv("absent.inter", delimiter="\t", engine="python")
    assert recbole_dataset.pd is before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf_8_sig", "UTF-8-SIG", "Utf_8-sig"])
def test_an_encoding_that_takes_the_mark_off_is_known_however_it_is_written(tmp_path, encoding):
    path = tmp_path / "toy.inter"
    path.write_text("user_id:token\n", encoding=encoding)
    check_byte_order_mark(str(path), encoding)
    assert read_header(str(path), "\t", encoding).names == ["user_id"]
    for other in (None, "utf-8"):
        with pytest.raises(ValueError, match=r"toy\.inter begins with a byte order mark"):
            check_byte_order_mark(str(path), other)


@pytest.mark.parametrize("fields", [(), ("user_id",)])
def test_a_field_that_no_column_has_is_named_with_its_setting(fields):
    wanted = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id"}
    missing = "USER_ID_FIELD" if not fields else "ITEM_ID_FIELD"
    with pytest.raises(ValueError, match=f"has no field .*name the right one in `{missing}`"):
        check_fields("toy.inter", fields, wanted)
    check_fields("toy.inter", ("user_id", "item_id"), wanted)
