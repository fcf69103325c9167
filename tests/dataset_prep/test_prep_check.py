"""``cammsr-prep check``: each fault that is planted is found, a sound data set passes."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.checks.dataset_check import (
    DatasetCheck,
    check_dataset,
    find_feature_files,
    steps,
)
from recbole_cammsr.dataset_prep.checks.finding import Bars
from recbole_cammsr.dataset_prep.checks.neighbours import nearest, sample_queries
from recbole_cammsr.dataset_prep.checks.svg_figures import draw
from recbole_cammsr.dataset_prep.prep_record import PrepRecord

USERS, ITEMS = 80, 120


class Toy:
    """A sound data set whose parts a test can spoil before it is written."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.folder = folder
        self.tokens = [f"i{number}" for number in range(ITEMS)]
        self.inter = [
            [f"u{user}", self.tokens[item], str(1_400_000_000 + 1000 * user + 10 * step)]
            for user in range(USERS)
            for step, item in enumerate(rng.permutation(ITEMS)[:12])
        ]
        self.inter_header = "user_id:token\titem_id:token\ttimestamp:float"
        groups = rng.integers(0, 6, ITEMS)
        self.item_header = "item_id:token\ttitle:token_seq\tcategory:token"
        self.item = [[t, f"title of {t}", f"c{g}"] for t, g in zip(self.tokens, groups)]
        centres = rng.normal(size=(2, 6, 8))
        # Both modalities know the category and, a little, the item itself.
        own = rng.normal(size=(ITEMS, 8))
        self.features = {
            name: (
                list(self.tokens),
                centres[m][groups] + 0.3 * own + 0.05 * rng.normal(size=(1, 8)),
            )
            for m, name in enumerate(("image", "text"))
        }

    def write(self) -> Path:
        """Write all files."""
        for suffix, header, rows in (
            ("inter", self.inter_header, self.inter),
            ("item", self.item_header, self.item),
        ):
            lines = [header, *("\t".join(row) for row in rows)]
            (self.folder / f"toy.{suffix}").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name, (tokens, values) in self.features.items():
            arrays = {"item_id": np.array(tokens), "feature": values.astype(np.float32)}
            np.savez(self.folder / f"toy.{name}.npz", **arrays)
        return self.folder

    def check(self) -> DatasetCheck:
        """Write and check."""
        return check_dataset(self.write(), "toy")


@pytest.fixture
def toy(tmp_path) -> Toy:
    return Toy(tmp_path)


def messages(result: DatasetCheck, level: str) -> list[str]:
    """Messages of one level."""
    return [x.message for section in result.sections for x in section.findings if x.level == level]


def facts(result: DatasetCheck) -> dict[str, str]:
    """All facts; names do not repeat where a test looks at them."""
    return {name: value for section in result.sections for name, value in section.facts}


def test_a_sound_data_set_passes_and_the_counts_are_right(toy):
    result = toy.check()
    assert messages(result, "error") == []
    assert messages(result, "warning") == []
    found = facts(result)
    assert found["users"] == "80"
    assert found["interactions"] == "960"
    assert found["sequence length"] == "min 12, median 12, mean 12.0, max 12"
    bought = {row[1] for row in toy.inter}
    assert found["items covered"].startswith(f"{len(bought)} of {len(bought)} (100.0 %)")
    train = {row[1] for n, row in enumerate(toy.inter) if n % 12 < 10}
    unseen = sum(toy.inter[12 * user + 10][1] not in train for user in range(USERS))
    assert found["validation items never in training"].startswith(f"{unseen} (")
    assert result.verdict() == "usable: 0 errors, 0 warnings"
    assert toy.check().text() == result.text()


def test_order_of_rows_in_the_files_does_not_matter(toy):
    expected = toy.check().text()
    rng = np.random.default_rng(1)
    rng.shuffle(toy.inter)
    rng.shuffle(toy.item)
    for name, (tokens, values) in toy.features.items():
        order = rng.permutation(len(tokens))
        toy.features[name] = ([tokens[n] for n in order], values[order])
    assert toy.check().text() == expected


def test_coverage_weighs_items_by_their_interactions(toy):
    tokens, values = toy.features["text"]
    count = Counter(row[1] for row in toy.inter)
    rare = [n for n, token in enumerate(tokens) if 0 < count[token] <= 8]
    toy.features["text"] = ([tokens[n] for n in rare], values[rare])
    covered = sum(count[tokens[n]] for n in rare)
    share = f"{100 * len(rare) / len(count):.1f} %"
    weight = f"{100 * covered / len(toy.inter):.1f} % of interactions"
    assert f"{len(rare)} of {len(count)} ({share}), {weight}" in toy.check().text()


def spoil(toy: Toy, how: str) -> None:
    """Plant one fault."""
    tokens, values = toy.features["text"]
    if how == "header":
        toy.inter_header = "user_id\titem_id:token\ttimestamp:float"
    elif how == "column twice":
        toy.inter_header = "user_id:token\titem_id:token\titem_id:float"
    elif how == "no time":
        toy.inter_header = "user_id:token\titem_id:token\ttime:float"
    elif how == "short line":
        toy.inter[6].pop()
    elif how == "quote":
        toy.item[3][1] = '"quoted'
    elif how == "quote at the end":
        toy.item[-1][2] = '"quoted'
    elif how == "quotes":
        toy.item[3][2] = '"quoted'
        toy.item[4][0] = 'i4"'
    elif how == "time":
        toy.inter[4][2] = "yesterday"
    elif how == "missing word":
        toy.inter[4][1] = "NaN"
    elif how == "item twice":
        toy.item.append(toy.item[0])
    elif how == "other tokens":
        toy.features["text"] = ([f"x{t}" for t in tokens], values)
    elif how == "other items":
        toy.item = [[f"x{row[0]}", *row[1:]] for row in toy.item]
    elif how == "nan":
        values[5, 2] = np.nan
    elif how == "token twice":
        toy.features["text"] = ([tokens[1], *tokens[1:]], values)
    elif how == "zero rows":
        values[:] = 0
    elif how == "equal rows":
        values[:] = np.linspace(1, 3, ITEMS)[:, None] * values[0]
    elif how == "one row":
        toy.features["text"] = (tokens[:1], values[:1])
    elif how == "short sequences":
        toy.inter = [row for n, row in enumerate(toy.inter) if n % 12 < 2]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("header", "column 'user_id' in the first line of toy.inter is not named field:type"),
        ("column twice", "column 'item_id' stands twice in the first line of toy.inter"),
        ("no time", "no field timestamp:float"),
        ("short line", "1 lines do not have the 3 cells of the header, e.g. line 8"),
        ("quote", "toy.item: a double quote is not closed in a cell that ends in line 121"),
        ("quote at the end", "a double quote is not closed in a cell that ends in line 121"),
        (
            "quotes",
            "the 3 cells of the header, e.g. line 6: write one tab between cells, and close",
        ),
        ("time", "no finite number in 1 rows, e.g. 'yesterday' in line 6"),
        ("missing word", "1 tokens that are read as missing"),
        ("item twice", "1 items stand more than once, e.g. 'i0'"),
        ("other tokens", "no token in common with the interactions"),
        ("other items", "no item of the interactions is in this file"),
        ("nan", "1 rows have NaN or infinite values, e.g. items 'i5'"),
        ("token twice", "1 item tokens more than once"),
        ("zero rows", "text.npz has 120 rows of items of the data set, all of them zero"),
        ("equal rows", "text.npz has 120 rows of items of the data set, all of them the same but"),
        ("one row", "text.npz has only one row of an item of the data set"),
        ("short sequences", "80 of 80 users have fewer than 3 interactions"),
    ],
)
def test_errors(toy, how, message):
    spoil(toy, how)
    result = toy.check()
    assert any(message in found for found in messages(result, "error"))
    assert result.verdict().startswith("NOT USABLE: 1 error,")


def disturb(toy: Toy, how: str) -> None:
    """Plant something that is odd."""
    tokens, values = toy.features["text"]
    if how == "ties":
        for row in toy.inter[:200]:
            row[2] = "1400000000"
    elif how == "repeats":
        toy.inter += toy.inter[:7]
    elif how == "few short":
        toy.inter = toy.inter[:-11]
    elif how == "unseen":
        for user in range(16):
            toy.inter[12 * user + 10][1] = f"new{user}"
    elif how == "coverage":
        toy.features["text"] = (tokens[:40], values[:40])
    elif how == "zeros":
        values[:3] = 0
    elif how == "flat row":
        values[4] = 2.5
    elif how == "copies":
        values[:10] = values[0]
    elif how == "constant":
        values[:, :5] = 1
    elif how == "long":
        values[9] *= 1000
    elif how == "collapsed":
        toy.features["text"] = (tokens, 0.001 * values + 1)
    elif how == "shifted":
        toy.features["text"] = ([*tokens[1:], tokens[0]], values)
    elif how == "one label":
        toy.item = [[*row[:2], "same"] for row in toy.item]
    elif how == "one set of labels":
        toy.item_header = "item_id:token\ttitle:token_seq\tcategories:token_seq"
        toy.item = [[*row[:2], "all same"] for row in toy.item]
    elif how == "one label of cat":
        toy.item_header = "item_id:token\ttitle:token_seq\tcat:token"
        toy.item = [[*row[:2], "same"] for row in toy.item]
    elif how == "names":
        toy.item = [[*row[:2], f"name {n // 1.5}"] for n, row in enumerate(toy.item)]
    elif how == "missing labels":
        toy.item[:3] = [[*row[:2], "NA"] for row in toy.item[:3]]
        toy.item[3][2] = "nan"
    elif how == "tiny labels":
        toy.item = [[*row[:2], f"c{n // 3}"] for n, row in enumerate(toy.item)]
    elif how == "no category":
        toy.item_header = "item_id:token\ttitle:token_seq\tcolour:token"
    elif how == "tagline":
        toy.item_header = "item_id:token\ttitle:token_seq\ttagline:token_seq"
    elif how == "no row":
        toy.item = [row for row in toy.item if row[0] != toy.inter[0][1]]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("ties", "of adjacent interactions have the same time"),
        ("repeats", "7 interactions stand more than once"),
        ("few short", "1 of 80 users have fewer than 3 interactions"),
        ("unseen", "of the validation items of leave-one-out never occur in training"),
        ("coverage", "of the items have this feature"),
        ("zeros", "3 rows are all zero, e.g. items 'i0', 'i1', 'i2'"),
        ("flat row", "1 rows have the same value everywhere"),
        ("copies", "8.3 % of rows equal another row, the most frequent 10 times"),
        ("constant", "5 of 8 dimensions have one value for all items"),
        ("long", "the longest row ('i9') is"),
        ("collapsed", "the vectors hardly tell items apart"),
        ("shifted", "text: nearest items share a category hardly more often than random"),
        ("shifted", "image and text agree on neighbours hardly more than chance"),
        ("one label", "100.0 % of items have the label 'same'"),
        ("one set of labels", "100.0 % of items have the labels 'all same'"),
        ("one label of cat", "category cat: 100.0 % of items have the label 'same'"),
        ("names", "80 labels for 120 labelled items, so they are names of items"),
        ("missing labels", "4 items have the label 'NA', 'nan', which is read as missing"),
        ("tiny labels", "40 of 40 labels have fewer than 5 items"),
        ("no category", "no category field"),
        ("tagline", "no category field"),
        ("no row", "1 interacted items have no row"),
    ],
)
def test_warnings(toy, how, message):
    disturb(toy, how)
    result = toy.check()
    assert messages(result, "error") == []
    assert any(message in found for found in messages(result, "warning"))


def test_closed_quotes_and_labels_as_python_strings_are_read_as_recboles_reader_does(toy):
    toy.item_header = "item_id:token\ttitle:token_seq\tcategory:token_seq"
    for row in toy.item:
        row[2] = f"'Skin, Care', 'kind {row[2]}'"
    for row in toy.item[:4]:
        row[1] = f'"the ""{row[1]}"""'
    toy.item[1][1] = '"two\nlines"'
    result = toy.check()
    assert messages(result, "error") == []
    assert "toy.item: 4 lines have cells in double quotes, e.g. line 2; they are read without" in (
        "\n".join(messages(result, "note"))
    )
    assert "7 labels, 100.0 % of interacted items labelled" in result.text()
    assert "Skin, Care: 100.0 %" in result.text()


def test_missing_files_and_odd_encodings(toy):
    folder = toy.write()
    (folder / "toy.item").unlink()
    (folder / "toy.text.npz").write_bytes(b"PK broken")
    (folder / "toy.inter").write_bytes(
        b"user_id:token\titem_id:token\ttimestamp:float\n\xff\t1\t2\n"
    )
    result = check_dataset(folder, "toy")
    errors = messages(result, "error")
    assert any("toy.inter: not UTF-8" in message for message in errors)
    assert any(f"feature file {folder}/toy.text.npz" in message for message in errors)
    assert any("toy.item: no such file" in message for message in messages(result, "warning"))


def test_feature_files_are_found_by_name_and_header(toy):
    folder = toy.write()
    np.save(folder / "toy.audio.npy", np.eye(3, dtype=np.float32))
    np.save(folder / "toy.text.npy", np.eye(3, dtype=np.float32))
    np.save(folder / "toy.Bild_v1.0.npy", np.eye(3, dtype=np.float32))
    np.save(folder / "toy.text-2.npy", np.eye(3, dtype=np.float32))
    (folder / "toy.plot").write_text("item_id:token\tv:float_seq\ni1\t1 2\n")
    (folder / "toy.user").write_text("user_id:token\tv:float_seq\n")
    (folder / "toy.train.inter").write_text("user_id:token\tv:float_seq\n")
    (folder / "toy.prep.json").write_text("{}")
    (folder / "toy.image.verdicts.tsv").write_text("item_id\n")
    (folder / "toy.notes").write_text("nothing\n")
    found = {name: Path(path).name for name, path in find_feature_files(folder, "toy").items()}
    assert found == {
        "Bild_v1.0": "toy.Bild_v1.0.npy",
        "audio": "toy.audio.npy",
        "image": "toy.image.npz",
        "plot": "toy.plot",
        "text": "toy.text.npz",
        "text-2": "toy.text-2.npy",
    }


def test_files_are_compared_with_the_record(toy):
    folder = toy.write()
    record = PrepRecord.of_dataset(folder, "toy")
    outputs = [folder / "toy.text.npz", folder / "toy.item"]
    record.finish("made", inputs={}, settings={}, outputs=outputs, counts={"items": 1200})
    result = check_dataset(folder, "toy")
    assert facts(result)["made"] == "items 1,200"
    assert messages(result, "warning") == []
    (folder / "toy.item").write_text((folder / "toy.item").read_text() + "i999\tnew\tc1\n")
    warnings = messages(check_dataset(folder, "toy"), "warning")
    assert warnings == ["toy.item is not the file that made wrote: prepare it again"]


def test_staged_tables_may_be_deleted_but_not_changed(toy):
    folder = toy.write()
    staged = folder / ".toy.staged" / "items.parquet"
    staged.parent.mkdir()
    staged.write_text("x")
    fixed = {"inputs": {}, "settings": {}, "counts": {}}
    PrepRecord.of_dataset(folder, "toy").finish("stage-source", outputs=[staged], **fixed)
    staged.write_text("y")
    (warning,) = messages(check_dataset(folder, "toy"), "warning")
    assert "is not the file that stage-source wrote" in warning
    staged.unlink()
    assert messages(check_dataset(folder, "toy"), "warning") == []


def test_feature_files_that_no_stage_wrote_are_named_where_there_is_a_record(toy):
    folder = toy.write()
    assert not any("no stage" in note for note in messages(check_dataset(folder, "toy"), "note"))
    record = PrepRecord.of_dataset(folder, "toy")
    outputs = [folder / "toy.text.npz"]
    record.finish("made", inputs={}, settings={}, outputs=outputs, counts={})
    notes = [note for note in messages(check_dataset(folder, "toy"), "note") if "no stage" in note]
    assert len(notes) == 1
    assert notes[0].startswith("toy.image.npz (modality image) was written by no stage")


def test_damage_of_the_source_is_told_in_sentences(toy):
    folder = toy.write()
    counts = {"users": 80, "skipped: x.gz: line cut short": 1234, "note: x.gz ends early": 1}
    counts.update({"first_time": 1_700_000_000, "last_time": 1_700_100_000, "warning: odd": 1})
    outputs = [folder / f"toy.{suffix}" for suffix in ("inter", "text.npz", "image.npz")]
    PrepRecord.of_dataset(folder, "toy").finish(
        "atomic-files", inputs={}, settings={}, outputs=outputs, counts=counts
    )
    result = check_dataset(folder, "toy")
    assert facts(result)["atomic-files"] == "users 80"
    assert facts(result)["atomic-files, times"] == "2023-11-14 to 2023-11-16"
    assert messages(result, "warning") == ["odd"]
    assert messages(result, "note") == [
        "x.gz ends early",
        "left out of the source: 1,234 (x.gz: line cut short)",
    ]


def test_byte_order_mark_is_named(toy):
    toy.inter_header = f"\ufeff{toy.inter_header}"
    (error,) = messages(toy.check(), "error")
    assert "byte order mark" in error
    assert "toy.inter" in error


def test_rows_that_differ_outside_the_data_set_only_are_an_error(toy):
    tokens, values = toy.features["text"]
    values[:] = values[0]
    toy.features["text"] = ([*tokens, "other"], np.vstack([values, -values[:1]]))
    result = toy.check()
    (error,) = messages(result, "error")
    assert "it tells no item from another: write it again, or train without text" in error
    # Said once, and not as odd neighbours, copies or constant dimensions once more.
    assert messages(result, "warning") == []


def test_labels_that_are_read_as_missing_are_no_labels(toy):
    toy.item = [[row[0], "NaN", "null"] for row in toy.item]
    result = toy.check()
    assert facts(result)["items with a title"] == "0.0 %"
    assert facts(result)["category category"] == "0 labels, 0.0 % of interacted items labelled"
    assert result.items.labels == {}


@given(st.integers(3, 40), st.integers(1, 5), st.integers(0, 10))
def test_neighbours_equal_a_full_sort(count, k, seed):
    k = min(k, count - 1)
    rows = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    queries = sample_queries(count, 7)
    found, cosines = nearest(unit, queries, k)
    for query, near, values in zip(queries, found, cosines):
        others = [row for row in range(count) if row != query]
        expected = sorted(others, key=lambda row: -float(unit[query] @ unit[row]))[:k]
        assert near.tolist() == expected
        np.testing.assert_allclose(values, unit[expected] @ unit[query], atol=1e-5)


def test_command_prints_the_verdict_and_fails_on_errors(toy, capsys, run_prep):
    folder = toy.write()
    run_prep("check", folder)
    assert capsys.readouterr().out.endswith("verdict: usable: 0 errors, 0 warnings\n")
    run_prep("check", folder, "--features", f"text={folder}/toy.text.npz")
    out = capsys.readouterr().out
    assert "features: text" in out
    assert "features: image" not in out
    toy.inter[0][2] = "x"
    toy.write()
    with pytest.raises(ValueError, match=r"toy in .* has 1 error, listed above"):
        run_prep("check", folder)
    with pytest.raises(ValueError, match="write MODALITY=FILE"):
        run_prep("check", folder, "--features", "text")


def test_progress_names_every_part_once_and_can_be_silenced(toy, capsys, run_prep):
    folder = toy.write()
    begun: list[str] = []
    check_dataset(folder, "toy", begin=begun.append)
    modalities = ["features: image", "features: text"]
    assert begun == ["toy.inter", "toy.item", *modalities, "record", "neighbours"]
    assert steps(find_feature_files(folder, "toy")) == len(begun)
    run_prep("check", folder)
    assert f"part {len(begun)}/{len(begun)}" in capsys.readouterr().err
    run_prep("check", folder, "--quiet")
    assert capsys.readouterr().err == ""


class Page(HTMLParser):
    """Collects tags, text and everything that a page could fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_report_page_is_whole_and_harmless(toy, tmp_path, run_prep, encode_image, capsys):
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    for row in toy.item:
        row[1] = f"{attack} {row[0]}"
    images = tmp_path / "images"
    images.mkdir()
    for number, token in enumerate(toy.tokens[:60]):
        data = encode_image(colour=(number, 9, 9), size=(300, 200)) if number else b"torn"
        (images / f"{token}.png").write_bytes(data)
    report = tmp_path / "report.html"
    run_prep("check", toy.write(), "--report", report, "--images", images)
    text = report.read_text(encoding="utf-8")
    assert f"report: {report}" in capsys.readouterr().out
    page = Page(text)
    assert "script" not in page.tags
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert f"{attack} i0" in page.words
    # Two modalities of twelve rows of seven, some of them with a picture.
    assert text.count('class="cell ') == 2 * 12 * 7
    assert 20 < len(page.links) < 2 * 12 * 7
    assert page.tags.count("svg") >= 6
    expected = "".join(page.words)
    for fact in ("960", "do the features make sense?", "nearest neighbours: text"):
        assert fact in expected
    run_prep("check", toy.write(), "--report", report, "--images", images)
    assert report.read_text(encoding="utf-8") == text


def test_damaged_archive_costs_pictures_not_the_page(toy, tmp_path, run_prep, encode_image):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for token in toy.tokens:
            file.writestr(f"{token}.png", encode_image())
    raw = bytearray(archive.read_bytes())
    # The data of the first member; reading it is a BadZipFile or zlib.error, neither an OSError.
    start = raw.index(b"i0.png") + len("i0.png")
    raw[start : start + 20] = bytes(20)
    archive.write_bytes(raw)
    report = tmp_path / "report.html"
    run_prep("check", toy.write(), "--report", report, "--images", archive)
    text = report.read_text(encoding="utf-8")
    assert "title of i0" in text
    assert "data:image/jpeg;base64," in text


def test_report_of_a_broken_data_set_is_written_too(toy, tmp_path, run_prep):
    spoil(toy, "nan")
    report = tmp_path / "report.html"
    with pytest.raises(ValueError, match="1 error"):
        run_prep("check", toy.write(), "--report", report)
    text = report.read_text(encoding="utf-8")
    assert "NOT USABLE: 1 error, 0 warnings" in text
    assert "nearest neighbours: text" in text


def test_bars_have_the_heights_of_their_counts():
    drawn = draw(Bars("t", ("a", "b", "c"), (1, 0, 4)))
    heights = [float(x) for x in re.findall(r'<rect [^>]*height="([\d.]+)"', drawn)]
    assert heights[1] == 0
    assert heights[2] == pytest.approx(4 * heights[0], rel=0.01)
    wide = draw(Bars("t", ("long/" * 20, "b"), (30, 10), horizontal=True))
    widths = [float(x) for x in re.findall(r'<rect [^>]*width="([\d.]+)"', wide)]
    assert widths[0] == pytest.approx(3 * widths[1], rel=0.01)


@pytest.mark.parametrize(
    ("stage", "command"), [("encode-text:text", "encode-text"), ("convert-features", "convert")]
)
def test_features_of_an_older_item_file_are_told(toy, stage, command):
    folder = toy.write()
    item = folder / "toy.item"
    record = PrepRecord.of_dataset(folder, "toy")
    # A source in another folder may have files of the same names.
    record.finish(
        "atomic-files", inputs={"toy.item": "0" * 64}, settings={}, outputs=[item], counts={}
    )
    made = {"settings": {}, "outputs": [folder / "toy.text.npz"], "counts": {}}
    digest = hashlib.sha256(item.read_bytes()).hexdigest()
    record.finish(stage, inputs={"toy.item": digest, "gone.jsonl": "0" * 64}, **made)
    assert messages(check_dataset(folder, "toy"), "warning") == []
    item.write_text(item.read_text().replace("title of i7", "corrected title of i7"))
    record.finish("atomic-files", inputs={}, settings={}, outputs=[item], counts={})
    assert messages(check_dataset(folder, "toy"), "warning") == [
        f"toy.text.npz was made of another toy.item: run {command} again"
    ]


def test_features_of_a_neighbour_are_no_modality(toy):
    folder = toy.write()
    (folder / "toy.v2.inter").write_text("")
    (folder / "toy.text.inter").write_text("")
    np.save(folder / "toy.v2.text.npy", np.eye(3, dtype=np.float32))
    np.save(folder / "toy.v3.text.npy", np.eye(3, dtype=np.float32))
    assert list(find_feature_files(folder, "toy")) == ["image", "text", "v3.text"]
    assert list(find_feature_files(folder, "toy.v2")) == ["text"]
