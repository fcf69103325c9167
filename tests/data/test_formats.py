"""Readers of every feature format, and of what is broken."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch

from recbole_cammsr.data.formats import FeatureFile, features_of, read_features
from recbole_cammsr.data.npz_member import map_npz_member

TOKENS = ["x9", "x2", "x5"]
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def check(file):
    raw = read_features(file)
    order = [raw.tokens.tolist().index(token) for token in TOKENS]
    assert len(raw.tokens) == len(TOKENS)
    assert np.array_equal(np.asarray(raw.values, dtype=np.float32)[order], VALUES)
    return raw


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_npz(tmp_path, dtype):
    path = tmp_path / "d.text.npz"
    np.savez(path, item_id=np.array(TOKENS), feature=VALUES.astype(dtype))
    assert isinstance(check(FeatureFile(str(path))).values, np.memmap)
    np.savez_compressed(path, item_id=np.array(TOKENS), feature=VALUES.astype(dtype))
    assert not isinstance(check(FeatureFile(str(path))).values, np.memmap)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(3, 4), (7,), (2, 3, 5), (0, 4), ()])
def test_members_of_archives_are_mapped_as_numpy_reads_them(tmp_path, order, shape):
    path = str(tmp_path / "f.npz")
    array = np.asarray(np.random.default_rng(0).random(shape), order=order)
    np.savez(path, first=np.arange(3), wanted=array, words=np.array(["ä"], dtype=object))
    mapped = map_npz_member(path, "wanted")
    if array.size == 0:
        assert mapped is None
    else:
        assert isinstance(mapped, np.memmap)
        assert not mapped.flags.writeable  # nothing that a caller does changes the file
        assert np.array_equal(mapped, array)
    assert map_npz_member(path, "absent") is None
    assert map_npz_member(path, "words") is None


def test_a_header_that_only_newer_numpy_writes_is_left_to_numpy(tmp_path):
    """Version 3, of field names that are not latin-1."""
    path = str(tmp_path / "f.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # numpy says that older ones cannot read it
        np.savez(path, feature=np.zeros(3, dtype=[("日", "f4")]))
    assert map_npz_member(path, "feature") is None


def test_npy_with_ids_beside_it_is_memory_mapped(tmp_path):
    np.save(tmp_path / "d.text.npy", VALUES)
    (tmp_path / "d.text.ids").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    raw = check(FeatureFile(str(tmp_path / "d.text.npy")))
    assert isinstance(raw.values, np.memmap)


def test_a_list_of_items_must_name_every_row(tmp_path):
    # a padding row nobody spoke of would give every item its neighbour's features
    padded = np.concatenate([np.zeros_like(VALUES[:1]), VALUES])
    np.save(tmp_path / "d.text.npy", padded)
    (tmp_path / "d.text.ids").write_text("\n".join(TOKENS) + "\n", encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"d\.text\.ids lists .* rows, with `offset` 0"):
        read_features(FeatureFile(str(tmp_path / "d.text.npy")))
    check(FeatureFile(str(tmp_path / "d.text.npy"), offset=1))


@pytest.mark.parametrize("kind", ["json", "tsv", "csv with header"])
def test_row_aligned_arrays_with_an_item_map_in_another_order(tmp_path, kind):
    rows = {"x2": 0, "x5": 2, "x9": 1}
    np.save(tmp_path / "f.npy", VALUES[[1, 0, 2]])
    path = tmp_path / ("map.json" if kind == "json" else "map.txt.tsv")
    if kind == "json":
        path.write_text(json.dumps({t: rows[t] for t in TOKENS}))
    else:
        separator = "\t" if kind == "tsv" else ","
        lines = [f"{token}{separator}{rows[token]}" for token in TOKENS]
        path.write_text("\n".join((["asin,itemID"] if "header" in kind else []) + lines))
    assert isinstance(check(FeatureFile(str(tmp_path / "f.npy"), ids=str(path))).values, np.memmap)


def test_rows_that_no_token_names_are_left_out(tmp_path):
    np.save(tmp_path / "f.npy", VALUES)
    for name, rows in (
        ("ends", {"c": 2, "a": 0}),
        ("tail", {"c": 2, "b": 1}),
        ("head", {"b": 1, "a": 0}),  # the first row is no padding: it is not all zero
        ("twice", {"a": 1, "b": 1}),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(rows))
        raw = read_features(FeatureFile(str(tmp_path / "f.npy"), str(tmp_path / f"{name}.json")))
        assert dict(zip(raw.tokens.tolist(), raw.values.tolist())) == {
            token: VALUES[row].tolist() for token, row in rows.items()
        }


def test_torch_tensor_whose_tokens_are_row_numbers_after_a_padding_row(tmp_path):
    torch.save(torch.cat([torch.zeros(1, 4), torch.from_numpy(VALUES)]), tmp_path / "f.pt")
    raw = read_features(FeatureFile(str(tmp_path / "f.pt"), ids="row", offset=1))
    assert raw.tokens.tolist() == ["0", "1", "2"]
    assert np.array_equal(raw.values, VALUES)


@pytest.mark.parametrize("name", ["d.feat1CLS", "d.feat2CLS", "d.feat"])
def test_headerless_floats_with_item2index(tmp_path, name):
    VALUES.tofile(tmp_path / name)
    (tmp_path / "d.item2index").write_text("\n".join(f"{t}\t{i}" for i, t in enumerate(TOKENS)))
    file = FeatureFile(str(tmp_path / name), ids=str(tmp_path / "d.item2index"))
    assert isinstance(check(file).values, np.memmap)


def test_headerless_floats_may_have_rows_that_no_token_names(tmp_path):
    VALUES.tofile(tmp_path / "d.feat1CLS")
    (tmp_path / "m.tsv").write_text("a\t2\nb\t0\n")
    raw = read_features(FeatureFile(str(tmp_path / "d.feat1CLS"), ids=str(tmp_path / "m.tsv")))
    assert dict(zip(raw.tokens.tolist(), raw.values.tolist())) == {
        "a": VALUES[2].tolist(),
        "b": VALUES[0].tolist(),
    }


def test_atomic_file(tmp_path):
    rows = [f"{t}\t{' '.join(map(str, v))}" for t, v in zip(TOKENS, VALUES)]
    path = tmp_path / "d.text"
    path.write_text("\n".join(["item_id:token\ttext_emb:float_seq", *rows]) + "\n")
    check(FeatureFile(str(path)))


class Planted:
    """Would create a file if anything unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("kind", ["npz", "npy", "pt"])
def test_pickled_objects_are_refused_and_not_run(tmp_path, kind):
    planted = tmp_path / "planted"
    objects = np.array([Planted(str(planted))], dtype=object)
    path = tmp_path / f"f.{kind}"
    if kind == "npz":
        np.savez(path, item_id=np.array(["a"]), feature=objects)
    elif kind == "npy":
        np.save(path, objects, allow_pickle=True)
    else:
        torch.save([Planted(str(planted))], path)
    with pytest.raises(ValueError, match="pickled Python objects") as caught:
        read_features(FeatureFile(str(path), ids=None if kind == "npz" else "row"))
    assert not planted.exists()
    assert str(path) in str(caught.value)


def test_something_else_under_the_name_of_an_archive_is_said_to_be(tmp_path):
    path = tmp_path / "f.npz"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ValueError, match=r"f.npz is no .npz archive.*Git LFS pointer"):
        read_features(FeatureFile(str(path)))


def test_a_file_that_may_not_be_read_is_not_said_to_be_cut_off(tmp_path, monkeypatch):
    path = tmp_path / "f.npz"
    np.savez(path, item_id=np.array(["a"]), feature=np.ones((1, 2), np.float32))

    def refuse(name, *_, **__):
        raise PermissionError(13, "Permission denied", str(name))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError) as caught:
        read_features(FeatureFile(str(path)))
    assert caught.value.filename == str(path)


def test_an_item_map_that_is_not_there_is_not_blamed_on_the_features(tmp_path):
    np.save(tmp_path / "f.npy", VALUES)
    for ids in (None, str(tmp_path / "f.idz")):
        with pytest.raises(
            FileNotFoundError, match=r"its item map .*f.id. does not exist"
        ) as caught:
            read_features(FeatureFile(str(tmp_path / "f.npy"), ids))
        assert "truncated" not in str(caught.value)


@pytest.mark.parametrize("name", ["f.pt", "f.pth", "f.PT"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_precision_are_read(tmp_path, name, dtype):
    torch.save(torch.from_numpy(VALUES).to(dtype), tmp_path / name)
    raw = read_features(FeatureFile(str(tmp_path / name), "row"))
    assert raw.values.dtype.kind == "f"
    assert np.array_equal(raw.values, VALUES)


def test_a_data_set_says_how_its_atomic_files_are_written(tmp_path):
    path = tmp_path / "toy.text"
    path.write_text("iid:token;item_id:token;v:float_seq\ncafé;x;1|2.5\n", encoding="latin-1")
    config = {"field_separator": ";", "seq_separator": "|", "encoding": "latin-1"}
    raw = features_of({**config, "ITEM_ID_FIELD": "iid"}, FeatureFile(str(path)))
    assert raw.tokens.tolist() == ["café"]
    assert raw.values.tolist() == [[1, 2.5]]


def test_a_parameter_is_a_tensor_too(tmp_path):
    torch.save(torch.nn.Parameter(torch.from_numpy(VALUES).float()), tmp_path / "f.pt")
    assert np.allclose(read_features(FeatureFile(str(tmp_path / "f.pt"), "row")).values, VALUES)


@pytest.mark.parametrize("kind", ["npz", "npy", "pt", "atomic"])
@pytest.mark.parametrize("kept", [0, 10, 120])
def test_truncated_files_are_named(tmp_path, kind, kept):
    path = tmp_path / {"npz": "f.npz", "npy": "f.npy", "pt": "f.pt", "atomic": "f"}[kind]
    if kind == "npz":
        np.savez(path, item_id=np.array(TOKENS), feature=VALUES)
    elif kind == "npy":
        np.save(path, VALUES)
    elif kind == "pt":
        torch.save(torch.from_numpy(VALUES), path)
    else:
        path.write_bytes(b"\xff\xfe broken " * 20)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="feature file") as caught:
        read_features(FeatureFile(str(path), ids=None if kind in ("npz", "atomic") else "row"))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a\t1 2", "b\t3 4\t5"], r"cannot be read \(.*Expected 2 fields in line 3, saw 3\)"),
        (["a\t1 2\t3", "b\t3 4\t5"], "more cells than the 2 of the header"),
        (["a\t1 2", "b"], "item 'b' has 0 values"),
    ],
)
def test_ragged_atomic_files_are_named(tmp_path, rows, message):
    path = tmp_path / "toy.text"
    path.write_text("\n".join(["item_id:token\ttext:float_seq", *rows]) + "\n")
    with pytest.raises(ValueError, match=f"feature file .*toy.text.*{message}") as caught:
        read_features(FeatureFile(str(path)))
    assert "\n" not in str(caught.value)


def test_an_atomic_file_keeps_what_float32_holds(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    rows = [f"{token}\t{' '.join(map(repr, row.tolist()))}" for token, row in zip(TOKENS, values)]
    path = tmp_path / "d.text"
    path.write_text("\n".join(["item_id:token\ttext_emb:float_seq", *rows]) + "\n")
    raw = read_features(FeatureFile(str(path)))
    assert raw.values.dtype == np.float32
    assert np.array_equal(raw.values, values)


def test_tokens_of_an_atomic_file_that_look_like_numbers_stay_as_they_are(tmp_path):
    path = tmp_path / "d.text"
    path.write_text("item_id:token\tv:float_seq\n007\t1\n7\t2.5\n1e3\t3\n1.0\t4\n")
    raw = read_features(FeatureFile(str(path)))
    assert raw.tokens.tolist() == ["007", "7", "1e3", "1.0"]
    assert raw.values.tolist() == [[1], [2.5], [3], [4]]


def test_a_value_of_an_atomic_file_that_is_no_number_is_named(tmp_path):
    path = tmp_path / "d.text"
    path.write_text("item_id:token\tv:float_seq\na\t1 2\nb\t1 x\n")
    with pytest.raises(ValueError, match=r"d\.text: column `v` has a value that is not a number"):
        read_features(FeatureFile(str(path)))


@pytest.mark.parametrize(("fields", "values"), [(",", " "), ("\t", "|"), (";", ",")])
def test_an_atomic_file_has_the_separators_of_the_data_set(tmp_path, fields, values):
    rows = [f"a{fields}1{values}2.5", f"b c{fields}3{values}4"]
    path = tmp_path / "toy.text"
    path.write_text("\n".join([f"item_id:token{fields}text:float_seq", *rows]) + "\n")
    raw = read_features(FeatureFile(str(path)), "item_id", fields, values)
    assert raw.tokens.tolist() == ["a", "b c"]
    assert raw.values.tolist() == [[1, 2.5], [3, 4]]
    if fields != "\t":
        with pytest.raises(ValueError, match=r"separated by '\\t' \(`field_separator`\)"):
            read_features(FeatureFile(str(path)))


def test_an_atomic_file_has_the_encoding_of_the_data_set(tmp_path):
    path = tmp_path / "toy.text"
    path.write_text("item_id:token\ttext:float_seq\ncafé\t1 2\n", encoding="latin-1")
    raw = read_features(FeatureFile(str(path)), encoding="latin-1")
    assert raw.tokens.tolist() == ["café"]
    with pytest.raises(ValueError, match=r"feature file .*toy\.text is not text in utf-8"):
        read_features(FeatureFile(str(path)))


@pytest.mark.parametrize("name", ["f.npz", "f.text"])
@pytest.mark.parametrize(("what", "named"), [({"ids": "m.csv"}, "ids"), ({"offset": 5}, "offset")])
def test_an_item_map_of_a_file_that_has_its_tokens_is_refused(tmp_path, name, what, named):
    path = tmp_path / name
    np.savez(tmp_path / "f.npz", item_id=np.array(TOKENS), feature=VALUES)
    (tmp_path / "f.text").write_text("item_id:token\ttext:float_seq\na\t1 2\n")
    with pytest.raises(ValueError, match=rf"{name} has the tokens .* `{named}` .* leave that out"):
        read_features(FeatureFile(str(path), **what))


def test_quoted_cells_of_an_atomic_file_are_read_as_recbole_reads_them(tmp_path):
    path = tmp_path / "toy.text"
    path.write_text('item_id:token\ttext:float_seq\n"a"\t1 2\nb 12"\t"3 4"\n')
    raw = read_features(FeatureFile(str(path)))
    assert raw.tokens.tolist() == ["a", 'b 12"']
    assert raw.values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["item_id", "text"])
def test_a_column_that_stands_twice_is_named(tmp_path, name):
    path = tmp_path / "toy.text"
    columns = {"item_id": ("item_id:token", "a"), "text": ("text:float_seq", "1 2")}
    header, row = zip(*columns.values(), columns[name])
    path.write_text("\t".join(header) + "\n" + "\t".join(row) + "\n")
    with pytest.raises(
        ValueError, match=f"column '{name}' stands twice .* feature file .*toy.text"
    ):
        read_features(FeatureFile(str(path)))


def test_a_tensor_that_numpy_has_no_array_for_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "toy.pt"
    torch.save(torch.eye(3).to_sparse(), path)
    with pytest.raises(ValueError, match=r"toy\.pt holds a tensor of layout torch\.sparse_coo"):
        read_features(FeatureFile(str(path), ids=str(_ids(tmp_path))))


def _ids(folder):
    path = folder / "toy.ids"
    path.write_text("a\nb\nc\n")
    return path


def test_an_atomic_file_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "toy.text"
    path.write_text("item_id:token\ttext:float_seq\na\t1 2\n", encoding="utf-8-sig")
    raw = read_features(FeatureFile(str(path)))
    assert raw.tokens.tolist() == ["a"]
    assert raw.values.tolist() == [[1, 2]]


def test_a_map_that_forgets_the_padding_row_is_refused(tmp_path):
    rows = np.eye(4, 3, -1, dtype=np.float32)
    np.save(tmp_path / "x.npy", rows)
    path = tmp_path / "m.csv"
    path.write_text("item_id,row\na,0\nb,1\nc,2\n")
    file = FeatureFile(str(tmp_path / "x.npy"), ids=str(path))
    with pytest.raises(ValueError, match=r"item 'a' row 0 of .*x\.npy.* set `offset: 1`"):
        read_features(file)
    assert read_features(file._replace(offset=1)).values.tolist() == rows[1:].tolist()
    path.write_text("item_id,row\na,1\nb,2\nc,3\n")
    assert read_features(file).values.tolist() == rows[1:].tolist()


def test_a_quote_that_is_left_open_does_not_swallow_items(tmp_path):
    path = tmp_path / "toy.text"
    path.write_text('item_id:token\tv:float_seq\n"abc\t1 2\n"def\t3 4\nx\t5 6\n')
    with pytest.raises(ValueError, match="column `item_id` has a cell of several lines"):
        read_features(FeatureFile(str(path)))


@pytest.mark.parametrize("tokens", [TOKENS, np.array(TOKENS, dtype="S"), np.array([7, 1, 3])])
def test_an_array_of_tokens_is_a_list(tmp_path, tokens):
    np.save(tmp_path / "f.npy", VALUES)
    np.save(tmp_path / "ids.npy", np.asarray(tokens))
    raw = read_features(FeatureFile(str(tmp_path / "f.npy"), ids=str(tmp_path / "ids.npy")))
    decoded = [t.decode() if isinstance(t, bytes) else str(t) for t in np.asarray(tokens)]
    assert raw.tokens.tolist() == decoded
    assert np.array_equal(raw.values, VALUES)
    np.save(tmp_path / "ids.npy", np.asarray(tokens)[:-1])
    with pytest.raises(ValueError, match=r"ids\.npy lists .* rows, with `offset` 0"):
        read_features(FeatureFile(str(tmp_path / "f.npy"), ids=str(tmp_path / "ids.npy")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ids.npy", np.array([["a"]]), "shape"),
        ("ids.npy", np.array([0.5]), "dtype float64"),
        ("ids.npy", np.array(["a", None], dtype=object), "np.save"),
        ("ids.csv", None, "not text in utf-8"),
    ],
)
def test_an_item_map_that_cannot_be_read_is_not_blamed_on_the_features(
    tmp_path, name, content, message
):
    np.save(tmp_path / "f.npy", VALUES)
    if content is None:
        (tmp_path / name).write_bytes(b"\x93NUMPY\xff")
    else:
        np.save(tmp_path / name, content, allow_pickle=True)
    with pytest.raises(ValueError, match=rf"item map \S*{name} .*{message}"):
        read_features(FeatureFile(str(tmp_path / "f.npy"), ids=str(tmp_path / name)))


def test_a_map_of_another_file_is_noticed(tmp_path):
    np.save(tmp_path / "f.npy", VALUES)
    (tmp_path / "m.tsv").write_text("a\t0\nb\t3\n")
    with pytest.raises(ValueError, match="names row 3 for item 'b'"):
        read_features(FeatureFile(str(tmp_path / "f.npy"), ids=str(tmp_path / "m.tsv")))
    (tmp_path / "m.json").write_text('{"a": 0, "b": -1}')  # no row, and not the last one
    with pytest.raises(ValueError, match="names row -1 for item 'b'"):
        read_features(FeatureFile(str(tmp_path / "f.npy"), ids=str(tmp_path / "m.json")))
    VALUES.tofile(tmp_path / "d.feat1CLS")
    (tmp_path / "m.tsv").write_text("\n".join(f"i{i}\t{i}" for i in range(5)))
    for _ in ("another number of values", "none"):
        with pytest.raises(ValueError, match="not a whole number of rows"):
            read_features(FeatureFile(str(tmp_path / "d.feat1CLS"), ids=str(tmp_path / "m.tsv")))
        (tmp_path / "d.feat1CLS").write_bytes(b"")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": np.array(["a"]), "feature": np.ones((1, 2))}, r"not \['item_id'\]"),
        ({"item_id": np.ones((2, 2)), "feature": np.ones((2, 2))}, "one-dimensional"),
    ],
)
def test_npz_with_the_wrong_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_features(FeatureFile(str(tmp_path / "f.npz")))


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="modality_files"):
        read_features(FeatureFile(str(tmp_path / "no.npz")))
