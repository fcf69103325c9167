"""Tab-separated tables as data frames write them: cells with double quotes are quoted."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.cells import cells_in_line
from recbole_cammsr.dataset_prep.item_records import read_items
from recbole_cammsr.dataset_prep.item_text import item_text
from recbole_cammsr.dataset_prep.record_file import RecordFile
from recbole_cammsr.dataset_prep.source_folder import MALFORMED, Damage, csv_rows
from recbole_cammsr.dataset_prep.staging import ITEMS, StagingWriter
from recbole_cammsr.dataset_prep.table import Table
from recbole_cammsr.dataset_prep.table_reader import read_table

FRAME = pd.DataFrame(
    {
        "item_id": ["a", "b"],
        "title": ['3" pipe', "plain"],
        "categories": [["Clothing", "Men's"], ["Clothing", "Shirts"]],
    }
)


class Examples(Damage):
    """Damage with its examples."""

    def __init__(self) -> None:
        super().__init__()
        self.examples: list[str] = []

    def skip(self, reason: str, count: int = 1, example: str = "") -> None:
        super().skip(reason, count, example)
        self.examples.append(example)


@pytest.mark.parametrize("spell", [repr, json.dumps])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_data_frame_with_tabs_is_read_as_it_was(spell: Any, quoting: int, tmp_path: Path) -> None:
    path, log = tmp_path / "items.tsv", tmp_path / "log.tsv"
    frame = FRAME.assign(categories=[spell(labels) for labels in FRAME["categories"]])
    frame.to_csv(path, sep="\t", index=False, quoting=quoting)
    pd.DataFrame({"user_id": ["u"], "item_id": ["a"]}).to_csv(
        log, sep="\t", index=False, quoting=quoting
    )
    with StagingWriter(tmp_path / "staged") as writer:
        Table(log, path).stage(writer)
    assert writer.report.skipped == {}
    staged = pd.read_parquet(tmp_path / "staged" / ITEMS)
    assert list(staged["title"]) == ['3" pipe', "plain"]
    assert [json.loads(paths)[0] for paths in staged["categories"]] == list(FRAME["categories"])
    read = {
        token: item_text(record, ["title", "categories"])
        for token, record in read_items(path, "item_id", ["title", "categories"])
    }
    assert read == {"a": "3\" pipe. Clothing Men's.", "b": "plain. Clothing Shirts."}


@pytest.mark.parametrize(
    ("cell", "bare"),
    [
        ('"3"" pipe"', '3" pipe'),
        ('""', ""),
        ('"a""b"', 'a"b'),
        ('"3 inch" pipe', '"3 inch" pipe'),
        ('"one" and "two"', '"one" and "two"'),
        ('"open', '"open'),
        ('3" or 4"', '3" or 4"'),
        ('"', '"'),
        ('"""', '"""'),
    ],
)
def test_a_cell_is_quoted_as_a_whole_or_not_at_all(cell: str, bare: str, tmp_path: Path) -> None:
    assert cells_in_line(f"{cell}\tx") == [bare, "x"]
    path = tmp_path / "x.tsv"
    path.write_text(f"item_id\ttitle\na\t{cell}\n")
    assert list(read_table(path, ["item_id", "title"])) == [("a", bare)]
    assert list(RecordFile(path).records(Damage())) == [{"item_id": "a", "title": bare}]


@given(st.lists(st.text(st.characters(exclude_characters="\t\r\n")), min_size=2, max_size=4))
def test_what_is_quoted_by_the_rules_is_read_back(cells: list[str]) -> None:
    quoted = ['"{}"'.format(cell.replace('"', '""')) for cell in cells]
    assert cells_in_line("\t".join(quoted)) == cells


def test_separators_of_several_characters_have_no_quotes() -> None:
    assert cells_in_line('"a"::b', "::") == ['"a"', "b"]


@pytest.mark.parametrize("cell", ["one\ttwo", "one\ntwo"])
def test_a_tab_or_line_break_within_quotes_is_told(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "items.tsv"
    pd.DataFrame({"item_id": ["a"], "title": [cell], "brand": ["K"]}).to_csv(
        path, sep="\t", index=False
    )
    with pytest.raises(ValueError, match=r"line 2: \d cells, the header has 3: take separators"):
        list(read_table(path, ["item_id", "title"]))
    damage = Examples()
    assert list(RecordFile(path).records(damage)) == []
    assert damage.skipped[MALFORMED.format("items.tsv")] == len(damage.examples)
    assert damage.examples[0].endswith(
        " cells, the header has 3; a tab or line break parts cells within quotes as well"
    )


@pytest.mark.parametrize(
    ("separator", "line", "said"),
    [
        ("\t", "abc", "'abc' has 1 cells, the header has 2"),
        ("\t", "a\tb\tc", r"'a\tb\tc' has 3 cells, the header has 2"),
        (",", 'a,"3"" b",c', "'a,3\" b,c' has 3 cells, the header has 2"),
        ("::", '"a"::b::c', "'\"a\"::b::c' has 3 cells, the header has 2"),
    ],
)
def test_other_rows_of_another_length_are_shown_and_speak_of_no_tab(
    separator: str, line: str, said: str, tmp_path: Path
) -> None:
    path, damage = tmp_path / "items.tsv", Examples()
    path.write_text(f"item_id{separator}title\n{line}\n")
    assert list(RecordFile(path, separator).records(damage)) == []
    assert damage.examples == [said]


def test_the_longest_cell_of_the_csv_module_is_as_before_afterwards(tmp_path: Path) -> None:
    path, before = tmp_path / "items.csv", csv.field_size_limit()
    assert list(csv_rows(["a,b", "x" * (before + 1)], path)) == [["a", "b"], ["x" * (before + 1)]]
    assert csv.field_size_limit() == before
    with pytest.raises(ValueError, match="never closed"):
        list(csv_rows(['a,"b'], path))
    rows = csv_rows(["a,b", "c,d"], path)
    next(rows)
    rows.close()
    assert csv.field_size_limit() == before
