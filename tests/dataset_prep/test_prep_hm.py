"""H&M as a source: hand-written rows in the competition's schema."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")
from pyarrow import parquet
from recbole_cammsr.dataset_prep.hm import HM
from recbole_cammsr.dataset_prep.source_folder import MALFORMED
from recbole_cammsr.dataset_prep.staging import INTERACTIONS, ITEMS, StagingWriter, read_report

COLUMNS = """
article_id product_code prod_name product_type_no product_type_name product_group_name
graphical_appearance_no graphical_appearance_name colour_group_code colour_group_name
perceived_colour_value_id perceived_colour_value_name perceived_colour_master_id
perceived_colour_master_name department_no department_name index_code index_name
index_group_no index_group_name section_no section_name garment_group_no
garment_group_name detail_desc
"""
ARTICLES: list[dict[str, str]] = [
    {
        "article_id": "0108775015",
        "prod_name": "Strap top",
        "product_type_name": "Vest top",
        "product_group_name": "Garment Upper body",
        "index_name": "Ladieswear",
        "index_group_name": "Ladieswear",
        "detail_desc": "Jersey top, with\nnarrow shoulder straps.",
    },
    # The leading zero is gone, as after a round trip through a data frame.
    {
        "article_id": "567992028",
        "prod_name": "PRIA",
        "product_type_name": "T-shirt",
        "index_name": "Children Sizes 134-170",
        "index_group_name": "Baby/Children",
    },
]
TRANSACTIONS = """t_dat,customer_id,article_id,price,sales_channel_id
2018-09-20,000058a1,0108775015,0.0508,2
2018-09-20,000058a1,0108775015,0.0508,2
2020-09-22,fffff001,567992028,0.0305,1
2020-13-22,fffff001,567992028,0.0305,1
2020-09-22,fffff001
"""


def write(folder: Path) -> Path:
    with open(folder / "articles.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS.split(), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(ARTICLES)
    (folder / "transactions_train.csv").write_text(TRANSACTIONS, encoding="utf-8")
    return folder


def stage(source: HM, folder: Path) -> tuple[Any, Any, Any]:
    with StagingWriter(folder) as writer:
        source.stage(writer)
    return (
        parquet.read_table(folder / INTERACTIONS).to_pylist(),
        parquet.read_table(folder / ITEMS).to_pylist(),
        read_report(folder),
    )


def test_rows_become_days_in_seconds_and_ids_of_ten_digits(tmp_path: Path) -> None:
    rows, items, report = stage(HM(write(tmp_path)), tmp_path / "staged")
    # 2018-09-20 and 2020-09-22 are 17,794 and 18,527 days after 1970-01-01.
    assert [(row["user"], row["item"], row["rating"], row["timestamp"]) for row in rows] == [
        ("000058a1", "0108775015", None, 17_794 * 86_400.0),
        ("000058a1", "0108775015", None, 17_794 * 86_400.0),
        ("fffff001", "0567992028", None, 18_527 * 86_400.0),
    ]
    first, second = items
    assert first["image"] == "images/010/0108775015.jpg"
    assert second["image"] == "images/056/0567992028.jpg"
    assert first["description"] == "Jersey top, with\nnarrow shoulder straps."
    assert second["description"] is None
    assert json.loads(first["categories"]) == [
        ["Garment Upper body", "Vest top"],
        ["Ladieswear", "Ladieswear"],
    ]
    # Without its group the type stands for no path.
    assert json.loads(second["categories"]) == [["Baby/Children", "Children Sizes 134-170"]]
    assert report["skipped"] == {
        "transactions_train.csv: t_dat is no day YYYY-MM-DD": 1,
        MALFORMED.format("transactions_train.csv"): 1,
    }


@pytest.mark.usefixtures("elsewhere")
def test_days_begin_in_utc_wherever_the_machine_stands(tmp_path: Path) -> None:
    rows, _, _ = stage(HM(write(tmp_path)), tmp_path / "staged")
    assert [row["timestamp"] for row in rows[1:]] == [17_794 * 86_400.0, 18_527 * 86_400.0]


def test_articles_of_a_data_frame_with_a_gap_are_the_same_articles(tmp_path: Path) -> None:
    write(tmp_path)
    header, *_ = TRANSACTIONS.splitlines()
    (tmp_path / "transactions_train.csv").write_text(
        f"{header}\n2018-09-20,u,108775015.0,0.05,2\n2018-09-20,u,,0.05,2\n"
    )
    rows, _, report = stage(HM(tmp_path), tmp_path / "staged")
    assert [row["item"] for row in rows] == ["0108775015"]
    assert sum(report["skipped"].values()) == 1


def test_ids_keep_the_zeros_at_their_end(tmp_path: Path) -> None:
    write(tmp_path)
    header, *_ = TRANSACTIONS.splitlines()
    ids = ["0108775000", "108775000", " 108775000.0 "]
    rows = "".join(f"2018-09-20,u{n},{article},0.05,2\n" for n, article in enumerate(ids))
    (tmp_path / "transactions_train.csv").write_text(f"{header}\n{rows}")
    found, _, _ = stage(HM(tmp_path), tmp_path / "staged")
    assert [row["item"] for row in found] == ["0108775000"] * 3


def test_a_row_with_a_cell_too_many_is_skipped_and_none_is_read_from_its_place(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    header, row, *_ = TRANSACTIONS.splitlines()
    spaced = ", ".join(header.split(","))
    shifted = "2018-09-20,name, with comma,0108775015,0.0508,2"
    text = f"{spaced}\n{shifted}\n{row}\n"
    (tmp_path / "transactions_train.csv").write_text(text)
    rows, _, report = stage(HM(tmp_path), tmp_path / "staged")
    assert [(row["user"], row["item"]) for row in rows] == [("000058a1", "0108775015")]
    assert report["skipped"] == {MALFORMED.format("transactions_train.csv"): 1}


def test_a_label_of_blanks_ends_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"product_group_name": " Shoes ", "product_type_name": " ", "index_name": "Men"}
    article = {**ARTICLES[0], **named, "index_group_name": ""}
    monkeypatch.setattr(f"{__name__}.ARTICLES", [article])
    _, (item,), _ = stage(HM(write(tmp_path)), tmp_path / "staged")
    assert json.loads(item["categories"]) == [["Shoes"]]


def test_absent_column_and_file_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "articles.csv").write_text("article_id,prod_name\n1,x\n")
    with pytest.raises(ValueError, match=r"articles\.csv: no column 'detail_desc'"):
        stage(HM(tmp_path), tmp_path / "staged")
    (tmp_path / "articles.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"articles\.csv: no such file"):
        HM(tmp_path).inputs()


def test_quote_that_never_ends_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    with open(tmp_path / "articles.csv", "a", encoding="utf-8") as file:
        file.write('0123456789,"open\n' + "x" * 200_000 + "\n")
    with pytest.raises(
        ValueError, match=r"articles\.csv: a quote .* that begins '0123456789,\"open'"
    ):
        stage(HM(tmp_path), tmp_path / "staged")
