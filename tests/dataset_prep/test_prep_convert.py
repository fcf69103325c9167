"""Folders of HM4SR, UniSRec and MMRec: every feature row keeps its item; misfits are refused."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")

from recbole_cammsr.dataset_prep import cli
from recbole_cammsr.dataset_prep.unisrec_folder import read_features, read_interactions, read_items

N_ITEMS = 6
VECTORS = {f"I{n}": np.array([n + 1, -n, 0.5], dtype=np.float32) for n in range(N_ITEMS)}


def run(folder: Path, kind: str, *extra: str) -> int:
    given = ["convert", "--from", kind, "--folder", str(folder), "--dataset", "d", "--quiet"]
    given += ["--output", str(folder / "out"), "--category-min-count", "1", *extra]
    return cli.main(given)


def features(folder: Path, modality: str) -> dict[str, np.ndarray]:
    with np.load(folder / "out" / f"d.{modality}.npz", allow_pickle=False) as archive:
        return dict(zip(archive["item_id"].tolist(), archive["feature"]))


def table(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    names = [name.split(":")[0] for name in header.split("\t")]
    return [dict(zip(names, line.split("\t"))) for line in lines]


def notes(folder: Path) -> str:
    return json.dumps(json.loads((folder / "out" / "d.prep.json").read_text()))


def write_mmrec(folder: Path) -> None:
    # The maps have their columns in either order, and ids differ from row numbers.
    (folder / "i_id_mapping.csv").write_text(
        "asin\titemID\n" + "".join(f"I{n}\t{n}\n" for n in reversed(range(N_ITEMS)))
    )
    (folder / "u_id_mapping.csv").write_text("userID\tuser_id\n0\tAnn\n1\tBob\n")
    (folder / "toys.inter").write_text(
        "userID\titemID\trating\ttimestamp\tx_label\n"
        "0\t3\t5.0\t1400000000\t0\n0\t1\t4.0\t1400000100\t1\n0\t0\t1.0\t1400000200\t2\n"
        "1\t2\t5.0\t1400000300\t0\n1\t4\t3.0\t1400000400\t2\n"
    )
    (folder / "meta-toys14.csv").write_text(
        "itemID,asin,title,price,imUrl,related,brand,categories,salesRank,description\n"
        "0,I0,\"Ball, red\",1.0,http://x/0.jpg,,Acme,\"[['Toys', 'Balls']]\",,round\n"
        "1,I1,,,,,,\"__import__('os')\",,\n"
        '2,I2,Cut,,,,,"[[\'Toys",,\n'
    )
    np.save(folder / "text_feat.npy", np.stack(list(VECTORS.values())))
    np.save(folder / "image_feat.npy", np.stack(list(VECTORS.values()))[:, :2])
    (folder / "missed_img_itemIDs.csv").write_text("1\n4\n")


def test_mmrec_features_follow_their_item_and_filled_images_are_missing(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    assert run(tmp_path, "mmrec") == 0
    rows = table(tmp_path / "out" / "d.inter")
    assert [(r["user_id"], r["item_id"], r["rating"], r["timestamp"]) for r in rows] == [
        ("Ann", "I3", "5", "1400000000"),
        ("Ann", "I1", "4", "1400000100"),
        ("Ann", "I0", "1", "1400000200"),
        ("Bob", "I2", "5", "1400000300"),
        ("Bob", "I4", "3", "1400000400"),
    ]
    text, image = features(tmp_path, "text"), features(tmp_path, "image")
    # I5 has a row and no interaction; images of I1 and I4 were filled with the mean.
    assert set(text) == {"I0", "I1", "I2", "I3", "I4"}
    assert set(image) == {"I0", "I2", "I3"}
    for token, vector in text.items():
        np.testing.assert_array_equal(vector, VECTORS[token])
    for token, vector in image.items():
        np.testing.assert_array_equal(vector, VECTORS[token][:2])
    items = {row["item_id"]: row for row in table(tmp_path / "out" / "d.item")}
    assert items["I0"]["title"] == "Ball, red"
    assert items["I0"]["category"] == "Toys>Balls"
    fields = [items["I0"][name] for name in ("brand", "description", "image")]
    assert fields == ["Acme", "round", "http://x/0.jpg"]
    assert items["I2"]["category"] == ""
    assert "split (x_label) is not kept" in notes(tmp_path)
    # a list that is cut off is counted
    assert "meta-toys14.csv: category (item kept) that is no label" in notes(tmp_path)


def test_a_row_of_no_item_of_mmrec_is_none_of_an_item_of_that_name(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    ids = {0: "2", 1: "I1", 3: "I3", 4: "I4", 5: "I5"}  # row 2 has no item, and item "2" row 0
    lines = "".join(f"{token}\t{number}\n" for number, token in ids.items())
    (tmp_path / "i_id_mapping.csv").write_text("asin\titemID\n" + lines)
    inter = tmp_path / "toys.inter"
    inter.write_text(inter.read_text().replace("1\t2\t5.0", "1\t5\t5.0"))
    (tmp_path / "meta-toys14.csv").unlink()
    rows = np.stack(list(VECTORS.values()))
    rows[0] = 0
    np.save(tmp_path / "text_feat.npy", rows)
    assert run(tmp_path, "mmrec") == 0
    assert set(features(tmp_path, "text")) == {"I1", "I3", "I4", "I5"}


def test_second_conversion_is_a_no_op_and_a_changed_feature_file_is_noticed(
    tmp_path: Path, capsys: Any
) -> None:
    write_mmrec(tmp_path)
    assert run(tmp_path, "mmrec") == 0
    written = tmp_path / "out" / "d.text.npz"
    before = written.stat().st_mtime_ns
    capsys.readouterr()
    assert run(tmp_path, "mmrec") == 0
    assert "complete and unchanged" in capsys.readouterr().out
    assert written.stat().st_mtime_ns == before
    np.save(tmp_path / "text_feat.npy", 2 * np.stack(list(VECTORS.values())))
    assert run(tmp_path, "mmrec") == 0
    np.testing.assert_array_equal(features(tmp_path, "text")["I2"], 2 * VECTORS["I2"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((N_ITEMS - 1, 2)), "rows where 6 belong"),
        (np.zeros((N_ITEMS, 2)), "no feature is other than zero"),
        (np.full((N_ITEMS, 2), np.nan), r"text feature is not finite as float32 for items \['I0'"),
        (np.full((N_ITEMS, 2), 1e300), "text feature is not finite as float32"),
    ],
)
def test_features_that_cannot_be_used_leave_no_half_made_folder(
    values: np.ndarray, message: str, tmp_path: Path, capsys: Any
) -> None:
    write_mmrec(tmp_path)
    np.save(tmp_path / "text_feat.npy", values)
    assert run(tmp_path, "mmrec") == 1
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out" / "d.inter").exists()


def test_a_feature_file_of_an_earlier_conversion_is_named(tmp_path: Path, capsys: Any) -> None:
    write_mmrec(tmp_path)
    assert run(tmp_path, "mmrec") == 0
    assert "earlier conversion" not in capsys.readouterr().out
    assert run(tmp_path, "mmrec", "--feature", "text=text_feat.npy") == 0
    assert "d.image.npz, which an earlier conversion wrote, was not" in capsys.readouterr().out


def test_mmrec_without_maps_takes_numbers_as_tokens(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    for name in ("i_id_mapping.csv", "u_id_mapping.csv", "meta-toys14.csv"):
        (tmp_path / name).unlink()
    np.save(tmp_path / "text_feat.npy", np.stack(list(VECTORS.values()))[:5])
    assert run(tmp_path, "mmrec", "--feature", "text=text_feat.npy") == 0
    np.testing.assert_array_equal(features(tmp_path, "text")["3"], VECTORS["I3"])
    assert not (tmp_path / "out" / "d.image.npz").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: np.save(f / "text_feat.npy", np.ones((5, 3))), "5 rows where 6 belong"),
        (
            lambda f: np.save(f / "text_feat.npy", np.array([{}] * 6), allow_pickle=True),
            "pickled Python objects",
        ),
        (lambda f: np.save(f / "text_feat.npy", np.zeros((6, 3))), "no feature is other than zero"),
        (
            lambda f: (f / "toys.inter").write_text("userID\titemID\tx_label\n0\t1\t0\n"),
            "no field 'timestamp' for the time",
        ),
        (
            lambda f: (f / "toys.inter").write_text(
                "userID\titemID\trating\ttimestamp\n0\t9\t1\t1\n"
            ),
            "ID '9' is not in i_id_mapping.csv",
        ),
        (lambda f: (f / "missed_img_itemIDs.csv").write_text("7\n"), "one row number below 6"),
        (
            lambda f: (f / "i_id_mapping.csv").write_text("asin\titemID\na\t0\nb\t0\n"),
            "itemID 0 occurs twice",
        ),
        (
            lambda f: (f / "i_id_mapping.csv").write_text("asin\titemID\na\t0\na\t1\n"),
            "asin 'a' occurs twice",
        ),
    ],
)
def test_misfits_of_mmrec_are_refused_in_one_sentence(
    change: Any, message: str, tmp_path: Path, capsys: Any
) -> None:
    write_mmrec(tmp_path)
    change(tmp_path)
    assert run(tmp_path, "mmrec") == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


HM4SR_ORDER = ["I4", "I0", "I2", "I1", "I5", "I3"]


def write_hm4sr(folder: Path) -> None:
    """Rows as HM4SR writes them: RecBole's numbers, given in order of first appearance."""
    pairs = [("1", item) for item in HM4SR_ORDER[:4]] + [("2", "I0"), ("2", "I5"), ("2", "I3")]
    (folder / "Games.inter").write_text(
        "user_id:token\titem_id:token\ttimestamp:float\n"
        + "".join(f"{user}\t{item}\t{1_400_000_000 + n}\n" for n, (user, item) in enumerate(pairs))
    )
    rows = np.stack([np.zeros(3, dtype=np.float32), *(VECTORS[item] for item in HM4SR_ORDER)])
    torch.save(torch.from_numpy(rows), folder / "txt_emb.pt")
    torch.save(torch.from_numpy(-rows), folder / "img_emb.pt")
    hot = torch.zeros((7, 3), dtype=torch.long)
    hot[1, 0] = hot[1, 2] = hot[2, 1] = 1
    torch.save(hot, folder / "cat.pt")
    (folder / "content.txt").write_text("I0\tHalo Games Shooter Bungie \nI4\tPong Games \n")


def test_hm4sr_rows_follow_the_order_of_first_interactions(tmp_path: Path) -> None:
    write_hm4sr(tmp_path)
    assert run(tmp_path, "hm4sr") == 0
    text, image = features(tmp_path, "text"), features(tmp_path, "image")
    assert set(text) == set(image) == set(VECTORS)
    for token, vector in VECTORS.items():
        np.testing.assert_array_equal(text[token], vector)
        np.testing.assert_array_equal(image[token], -vector)
    items = {row["item_id"]: row for row in table(tmp_path / "out" / "d.item")}
    assert set(items["I4"]["categories"].split()) == {"category_0", "category_2"}
    assert items["I0"]["categories"] == "category_1"
    assert items["I0"]["description"] == "Halo Games Shooter Bungie"
    assert "keeps no category names" in notes(tmp_path)


def test_hm4sr_takes_titles_and_brands_of_its_item_file(tmp_path: Path) -> None:
    write_hm4sr(tmp_path)
    # In another order than the interactions, and without some of the items.
    (tmp_path / "Games.item").write_text(
        "item_id:token\ttitle:token_seq\tbrand:token_seq\nI2\tPac Man\tNamco\nI4\tPong\tAtari\n"
    )
    assert run(tmp_path, "hm4sr") == 0
    items = {row["item_id"]: row for row in table(tmp_path / "out" / "d.item")}
    assert {token: (row["title"], row["brand"]) for token, row in items.items()} == {
        **dict.fromkeys(VECTORS, ("", "")),
        "I2": ("Pac Man", "Namco"),
        "I4": ("Pong", "Atari"),
    }


def test_hm4sr_order_is_that_of_recbole(tmp_path: Path) -> None:
    recbole = pytest.importorskip("recbole")
    assert recbole
    from recbole.config import Config
    from recbole.data import create_dataset
    from recbole_cammsr.dataset_prep.hm4sr_source import HM4SR

    import recbole_cammsr  # noqa: F401  (makes RecBole run on today's numpy and pandas)

    folder = tmp_path / "Games"
    folder.mkdir()
    write_hm4sr(folder)
    settings = {
        "data_path": str(tmp_path),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "TIME_FIELD": "timestamp",
        "MAX_ITEM_LIST_LENGTH": 50,
        "train_neg_sample_args": None,
    }
    dataset = create_dataset(Config("SASRec", "Games", config_dict=settings))
    rows = next(iter(HM4SR(folder, "Games").features()))
    assert dataset.field2id_token["item_id"].tolist() == ["[PAD]", *rows.tokens]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.ones((6, 3)), "6 rows where 7 belong (row 0 for padding"),
        (torch.ones((7, 3)), "row 0 is not zero"),
    ],
)
def test_misfits_of_hm4sr_are_refused(rows: Any, message: str, tmp_path: Path, capsys: Any) -> None:
    write_hm4sr(tmp_path)
    torch.save(rows, tmp_path / "txt_emb.pt")
    assert run(tmp_path, "hm4sr") == 1
    assert message in capsys.readouterr().err


def write_unisrec(folder: Path) -> None:
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    sequences = [[3, 1, 0, 2], [2, 4, 1, 3]]
    for split, ends in (("train", [1]), ("valid", [2]), ("test", [3])):
        rows = [
            f"{user}\t{' '.join(map(str, sequence[:end]))}\t{sequence[end]}\n"
            for user, sequence in enumerate(sequences)
            for end in ends
        ]
        (folder / f"Toy.{split}.inter").write_text(header + "".join(rows))
    order = [4, 0, 2, 1, 5, 3]
    (folder / "Toy.item2index").write_text("".join(f"I{n}\t{n}\n" for n in order))
    texts = "".join(f"I{n}\tThing {n}. Root Tools Saws. Acme. \n" for n in range(N_ITEMS))
    (folder / "Toy.text").write_text("item_id:token\ttext:token_seq\n" + texts)
    matrix = np.stack(list(VECTORS.values())).astype("<f4")
    matrix[3] = 0
    matrix.tofile(folder / "Toy.feat1CLS")


@pytest.mark.parametrize("kind", ["unisrec", "missrec"])
def test_unisrec_keys_everything_by_raw_item_id(kind: str, tmp_path: Path) -> None:
    write_unisrec(tmp_path)
    (tmp_path / "Toy.user2index").write_text("Ann\t0\nBob\t1\n")
    assert run(tmp_path, kind, "--category-root", "Root") == 0
    rows = [
        (row["user_id"], row["item_id"], float(row["timestamp"]))
        for row in table(tmp_path / "out" / "d.inter")
    ]
    assert rows == [
        *(("Ann", f"I{item}", time) for time, item in enumerate([3, 1, 0, 2], start=1)),
        *(("Bob", f"I{item}", time) for time, item in enumerate([2, 4, 1, 3], start=1)),
    ]
    items = {row["item_id"]: row for row in table(tmp_path / "out" / "d.item")}
    # I5 has no interaction and is not kept.
    assert set(items) == {"I0", "I1", "I2", "I3", "I4"}
    for token, row in items.items():
        assert row["title"] == f"Thing {token[1:]}"
        assert row["category"] == row["categories"] == "Tools_Saws"
    text = features(tmp_path, "text")
    assert set(text) == {"I0", "I1", "I2", "I4"}
    for token, vector in text.items():
        np.testing.assert_array_equal(vector, VECTORS[token])


def test_truncated_unisrec_features_and_odd_arguments_are_refused(
    tmp_path: Path, capsys: Any
) -> None:
    write_unisrec(tmp_path)
    content = (tmp_path / "Toy.feat1CLS").read_bytes()
    (tmp_path / "Toy.feat1CLS").write_bytes(content[:-4])
    assert run(tmp_path, "unisrec") == 1
    assert "are no float32 matrix of 6 rows" in capsys.readouterr().err
    assert run(tmp_path, "unisrec", "--feature", "text=feat9CLS") == 1
    assert "Toy.feat9CLS: no such feature file" in capsys.readouterr().err
    assert run(tmp_path, "unisrec", "--feature", "text") == 1
    assert "MODALITY=FILE" in capsys.readouterr().err
    assert run(tmp_path, "mmrec") == 1
    assert "3 files *.inter" in capsys.readouterr().err


@pytest.mark.skipif(
    "CAMMSR_SHARED_DATA" not in os.environ, reason="CAMMSR_SHARED_DATA names no data folder"
)
def test_amazon_scientific_keeps_every_row_of_the_folder(tmp_path: Path) -> None:
    source = Path(os.environ["CAMMSR_SHARED_DATA"]) / "amazon_scientific"
    root = "Industrial & Scientific"
    given = ["convert", "--from", "missrec", "--folder", str(source), "--dataset", "d", "--quiet"]
    given += ["--output", str(tmp_path / "out"), "--category-root", root]
    assert cli.main(given) == 0
    items = read_items(source, "Scientific")
    for modality, suffix in (("text", "feat1CLS"), ("image", "feat3CLS")):
        matrix = read_features(source / f"Scientific.{suffix}", len(items))
        present = {item: row for item, row in zip(items, matrix) if row.any()}
        written = features(tmp_path, modality)
        assert set(written) == set(present)
        for item, row in written.items():
            np.testing.assert_array_equal(row, present[item])
    rows = {
        (row["user_id"], row["item_id"], float(row["timestamp"]))
        for row in table(tmp_path / "out" / "d.inter")
    }
    assert rows == set(read_interactions(source, "Scientific", items))


def test_mmrec_is_not_converted_onto_itself(tmp_path: Path, capsys: Any) -> None:
    write_mmrec(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    extra = ("--output", str(tmp_path), "--dataset", "toys")
    assert run(tmp_path, "mmrec", *extra) == 1
    error = capsys.readouterr().err
    assert "toys.inter: is a file of the source and would be replaced" in error
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_feature_file_is_not_converted_onto_itself(tmp_path: Path, capsys: Any) -> None:
    write_unisrec(tmp_path)
    own = tmp_path / "Toy.text.npz"
    own.write_bytes((tmp_path / "Toy.feat1CLS").read_bytes())
    before = own.read_bytes()
    extra = ("--feature", "text=text.npz", "--output", str(tmp_path), "--dataset", "Toy")
    assert run(tmp_path, "unisrec", *extra) == 1
    assert "Toy.text.npz: is a file of the source" in capsys.readouterr().err
    assert own.read_bytes() == before
    assert not (tmp_path / "Toy.inter").exists()


def test_a_list_of_filled_images_that_comes_later_is_noticed(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    filled = tmp_path / "missed_img_itemIDs.csv"
    filled.unlink()
    assert run(tmp_path, "mmrec") == 0
    assert set(features(tmp_path, "image")) == {"I0", "I1", "I2", "I3", "I4"}
    filled.write_text("2\n")
    assert run(tmp_path, "mmrec") == 0
    assert set(features(tmp_path, "image")) == {"I0", "I1", "I3", "I4"}
    filled.write_text("3\n")
    assert run(tmp_path, "mmrec") == 0
    assert set(features(tmp_path, "image")) == {"I0", "I1", "I2", "I4"}


def test_a_map_that_changes_the_item_of_a_row_is_noticed(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    (tmp_path / "meta-toys14.csv").unlink()
    assert run(tmp_path, "mmrec") == 0
    # I1 and I3 change numbers in both files, so that the atomic files stay the same.
    index, inter = tmp_path / "i_id_mapping.csv", tmp_path / "toys.inter"
    index.write_text(index.read_text().replace("I1\t1", "I1\t9").replace("I3\t3", "I3\t1"))
    index.write_text(index.read_text().replace("I1\t9", "I1\t3"))
    lines = inter.read_text().replace("0\t3\t", "0\tx\t").replace("0\t1\t4", "0\t3\t4")
    inter.write_text(lines.replace("0\tx\t", "0\t1\t"))
    before = (tmp_path / "out" / "d.inter").read_bytes()
    assert run(tmp_path, "mmrec") == 0
    assert (tmp_path / "out" / "d.inter").read_bytes() == before
    np.testing.assert_array_equal(features(tmp_path, "text")["I1"], VECTORS["I3"])


def test_interactions_that_repeat_an_item_are_kept(tmp_path: Path) -> None:
    write_hm4sr(tmp_path)
    with (tmp_path / "Games.inter").open("a") as file:
        file.write("1\tI4\t1400000100\n2\tI0\t1400000101\n")
    assert run(tmp_path, "hm4sr") == 0
    rows = [(row["user_id"], row["item_id"]) for row in table(tmp_path / "out" / "d.inter")]
    first = [("1", item) for item in (*HM4SR_ORDER[:4], "I4")]
    assert rows == [*first, *(("2", item) for item in ("I0", "I5", "I3", "I0"))]


def test_files_that_change_modalities_are_written_again(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    for text, image in (("text", "image"), ("image", "text")):
        given = (f"text={text}_feat.npy", f"image={image}_feat.npy")
        assert run(tmp_path, "mmrec", "--feature", given[0], "--feature", given[1]) == 0
        np.testing.assert_array_equal(features(tmp_path, text)["I2"], VECTORS["I2"])
        np.testing.assert_array_equal(features(tmp_path, image)["I2"], VECTORS["I2"][:2])


def test_a_root_of_categories_that_is_named_later_is_noticed(tmp_path: Path) -> None:
    write_unisrec(tmp_path)
    for more, category in (((), ""), (("--category-root", "Root"), "Tools_Saws")):
        assert run(tmp_path, "unisrec", *more) == 0
        rows = table(tmp_path / "out" / "d.item")
        assert {row["category"] for row in rows} == {category}


def test_filled_images_are_missing_under_any_name_but_texts_are_not(tmp_path: Path) -> None:
    write_mmrec(tmp_path)
    named = ("visual=image_feat.npy", "words=text_feat.npy")
    assert run(tmp_path, "mmrec", "--feature", named[0], "--feature", named[1]) == 0
    assert set(features(tmp_path, "visual")) == {"I0", "I2", "I3"}
    assert set(features(tmp_path, "words")) == {"I0", "I1", "I2", "I3", "I4"}


def test_byte_order_marks_of_unisrec_are_no_part_of_an_id(tmp_path: Path) -> None:
    write_unisrec(tmp_path)
    (tmp_path / "Toy.user2index").write_text("Ann\t0\nBob\t1\n")
    expected = tmp_path / "plain"
    assert run(tmp_path, "unisrec", "--output", str(expected)) == 0
    for path in [*tmp_path.glob("Toy.*2index"), *tmp_path.glob("Toy.*.inter")]:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run(tmp_path, "unisrec") == 0
    assert table(tmp_path / "out" / "d.inter") == table(expected / "d.inter")
    assert {row["user_id"] for row in table(tmp_path / "out" / "d.inter")} == {"Ann", "Bob"}
