"""The fast reading of atomic files against RecBole's own, on regular and irregular files."""

from __future__ import annotations

from functools import partialmethod
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from recbole_cammsr.data import regular_table
from recbole_cammsr.data.regular_table import read_regular_table

HEADER = ["user_id:token", "item_id:token", "timestamp:float"]
GENERATED = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

tokens = st.one_of(
    st.sampled_from(
        ["1", "01", "1.0", "1e3", "-0", "NA", "nan", "None", "null", "", " ", " 7", "7 ", "True"]
    ),
    st.sampled_from(["ä", "日本", "a\u2028b", "a b", "[PAD]", "x'y", "\ufeffz"]),
    st.text(st.characters(exclude_characters='\t\n\r"\0', exclude_categories=["Cs"]), max_size=4),
    st.integers(0, 5).map(str),
)
times = st.one_of(
    st.integers(0, 2_000_000_000).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(0, 1e10).map(repr),
    st.decimals(-1000, 1000, places=20, allow_nan=False).map(str),
    st.sampled_from(["", "NA", "-0", "+5", ".5", "5.", "1E5", " 3", "3 ", "1e-320", "nan"]),
)
odd_times = st.one_of(
    times,
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        ["inf", "-inf", "Infinity", "1e999", "9007199254740993", "18446744073709551616"]
    ),
)


def python_engine(path, columns):
    """RecBole's call, on the columns that are wanted."""
    dtypes = {name: np.float64 if name.endswith(":float") else str for name in columns}
    frame = pd.read_csv(
        path, delimiter="\t", usecols=columns, dtype=dtypes, encoding="utf-8", engine="python"
    )
    # as compat.pandas3 gives it to RecBole
    return frame.astype({name: object for name in columns if name.endswith(":token")})


def assert_same_frame(ours, theirs):
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    for name in theirs.columns:
        if theirs[name].dtype == object:
            assert [type(cell) for cell in ours[name]] == [type(cell) for cell in theirs[name]]


def fast(path, columns, separator="\t", encoding="utf-8"):
    kinds = {name: np.float64 if name.endswith(":float") else str for name in columns}
    return read_regular_table(str(path), separator, encoding, kinds)


@GENERATED
@given(
    rows=st.lists(st.tuples(tokens, tokens, times), min_size=1, max_size=12),
    columns=st.lists(st.sampled_from(HEADER), min_size=1, unique=True),
    line_end=st.sampled_from(["\n", "\r\n"]),
    ended=st.booleans(),
    chunk=st.integers(1, 5),
    block=st.integers(1, 40),
)
def test_regular_files_read_as_with_the_python_engine(
    tmp_path, rows, columns, line_end, ended, chunk, block
):
    path = tmp_path / "toy.inter"
    lines = ["\t".join(row) for row in [HEADER, *rows]]
    path.write_bytes((line_end.join(lines) + line_end * ended).encode())
    columns = [name for name in HEADER if name in columns]
    with mock.patch.multiple(regular_table, _CHUNK_ROWS=chunk, _BLOCK_BYTES=block):
        ours = fast(path, columns)
    theirs = python_engine(path, columns)
    if ours is None:  # only numbers that cannot be told apart exactly may be left to RecBole
        assert (theirs.filter(like=":float").abs() >= 2.0**53).any(axis=None)
        return
    assert_same_frame(ours, theirs)


@GENERATED
@given(
    rows=st.lists(st.tuples(tokens, tokens, odd_times), min_size=1, max_size=8),
    where=st.integers(0, 400),
    noise=st.sampled_from(
        ['"', '"a"', "\t", "\n", "\r", "\n\n", "\0", '""', '"\t"', "x", ",", "\t\t"]
    ),
)
def test_irregular_files_are_left_to_recbole_or_read_alike(tmp_path, rows, where, noise):
    path = tmp_path / "toy.inter"
    head = "\t".join(HEADER) + "\n"
    body = "".join("\t".join(row) + "\n" for row in rows)
    where %= len(body) + 1
    path.write_bytes((head + body[:where] + noise + body[where:]).encode())
    ours = fast(path, HEADER)
    if ours is not None:
        assert_same_frame(ours, python_engine(path, HEADER))


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ("", {}),
        ('u\t"a\tb"\t1\n', {}),
        ("u\ti\t1\n\n", {}),
        ("u\ti\n", {}),
        ("u\ti\t1\t2\n", {}),
        ("u\ti\tword\n", {}),
        ("u\ti\t1\rv\ti\t2\n", {}),
        ("u\ti\t9007199254740993\n", {}),
        ("u\ti\t1\n", {"encoding": "utf-16"}),
        ("u\ti\t1\n", {"encoding": "latin-1"}),
        ("u\ti\t1\n", {"separator": "::"}),
        ("u\ti\t1\n", {"separator": " "}),
    ],
)
def test_what_is_left_to_recbole(tmp_path, body, options):
    path = tmp_path / "toy.inter"
    path.write_bytes(("\t".join(HEADER) + "\n" + body).encode())
    assert fast(path, HEADER, **options) is None


@pytest.mark.parametrize("head", ["a:token\ta:token", "a:token", "b:token\tc:token"])
def test_headers_that_are_left_to_recbole(tmp_path, head):
    path = tmp_path / "toy.inter"
    path.write_text(f"{head}\nx\ty\n")
    assert fast(path, ["a:token"]) is None


def test_missing_sequences_are_empty_text(tmp_path):
    path = tmp_path / "toy.item"
    path.write_text("item_id:token\tclass:token_seq\na\tx y\nb\t\n")
    assert fast(path, ["class:token_seq"])["class:token_seq"].tolist() == ["x y", ""]


def test_tokens_are_shared_objects(tmp_path):
    path = tmp_path / "toy.inter"
    path.write_text("\t".join(HEADER) + "\n" + "user\titem\t1\n" * 9)
    with mock.patch.object(regular_table, "_CHUNK_ROWS", 2):
        assert len({id(cell) for cell in fast(path, HEADER)["user_id:token"]}) == 1


def stock(make_config, **options):
    """The same with nothing of ours."""
    return build(make_config, model="SASRec", **options)


def as_left_to_recbole(make_config, **options):
    """The same with our class, but RecBole's reading."""
    with mock.patch("recbole_cammsr.data.table_reading.read_regular_table", return_value=None):
        return build(make_config, **options)


def build(make_config, model="CAMMSR", **options):
    """Data set as created, and its training, validation and test rows."""
    from recbole.data import create_dataset

    dataset = create_dataset(make_config(model, modalities=[], category_weight=0, **options))
    created = dataset.inter_feat.copy()
    with mock.patch("recbole_cammsr.data.dataset.check_parts"):  # few rows, and RecBole takes them
        return dataset, created, dataset.build()


def outcome(make, *args, **options):
    """What a call returns or raises."""
    try:
        return make(*args, **options)
    except Exception as refusal:
        return refusal


def assert_same_data(ours, theirs):
    (mine, my_frame, my_parts), (stock, stock_frame, stock_parts) = ours, theirs
    pd.testing.assert_frame_equal(my_frame, stock_frame, check_exact=True)
    for name in ("field2type", "field2source", "field2seqlen", "field2bucketnum", "field2token_id"):
        assert getattr(mine, name) == getattr(stock, name)
    assert list(mine.field2type) == list(stock.field2type)
    for field, known in stock.field2id_token.items():
        assert np.array_equal(mine.field2id_token[field], known)
        assert mine.field2id_token[field].dtype == known.dtype
    for my_part, stock_part in zip(my_parts, stock_parts):
        assert my_part.inter_feat.columns == stock_part.inter_feat.columns
        for field in stock_part.inter_feat.columns:
            mine, theirs = my_part.inter_feat[field], stock_part.inter_feat[field]
            assert torch.equal(mine, theirs)


plain_rows = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "03", "u"]),
        st.sampled_from(["1", "1.0", "é", "x y", "7"]),
        st.integers(0, 9).map(str) | st.just("2.5"),
        st.integers(1, 5).map(str),
    ),
    min_size=1,
    max_size=25,
)


@GENERATED
@example(  # without compat/missing_ids.py a row without item would be left
    rows=[("1", "1", "0", "1")] * 18,
    missing={(1, 1), (0, 0)},
    options={"user_inter_num_interval": "[2,inf)"},
)
@given(
    rows=plain_rows,
    missing=st.sets(
        st.tuples(st.integers(0, 24), st.sampled_from([0, 0, 0, 1, 1, 1, 2])), max_size=2
    ),
    options=st.fixed_dictionaries(
        {},
        optional={
            "user_inter_num_interval": st.sampled_from(["[2,inf)", "[3,6]", "(1,2];[4,inf)"]),
            "item_inter_num_interval": st.sampled_from(["[2,inf)", "(1,9)", "[1,inf)", None]),
            "rm_dup_inter": st.sampled_from(["first", "last"]),
            "val_interval": st.sampled_from([{"rating": "[2,inf)"}, {"item_id": ["1", "é", "7"]}]),
            "normalize_all": st.booleans(),
            "threshold": st.just({"rating": 3}),
            "columns": st.sampled_from(
                [
                    {"load_col": None},
                    {"load_col": None, "unload_col": {"inter": ["rating"]}},
                    {"load_col": {"inter": ["user_id", "item_id"]}},
                    {"load_col": {"inter": "*"}},
                ]
            ),
        },
    ),
)
def test_data_sets_are_those_of_recboles_reading(make_config, toy_path, rows, missing, options):
    rows = [list(row) for row in rows]
    for row, column in missing:
        if row < len(rows):
            rows[row][column] = ""
    lines = ["\t".join(row) for row in [[*HEADER, "rating:float"], *rows]]
    folder = toy_path / "toy"
    (folder / "toy.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "toy.item").unlink(missing_ok=True)
    options = {"load_col": None, **options, **options.pop("columns", {})}
    names = (options["load_col"] or {}).get("inter")
    # RecBole's own class refuses to build histories where the time is not asked for
    way = as_left_to_recbole if names == ["user_id", "item_id"] else stock
    ours = outcome(build, make_config, **options)
    # of interactions of equal times RecBole's own sort leaves any out
    stable = partialmethod(pd.DataFrame.sort_values, kind="stable")
    with mock.patch.object(pd.DataFrame, "sort_values", stable):
        theirs = outcome(way, make_config, **options)
    event(type(theirs).__name__)
    if any(not row[2] for row in rows):
        # RecBole gives these interactions the mean of all times
        assert isinstance(ours, ValueError)
        assert "'timestamp' of interaction file" in str(ours)
    elif isinstance(theirs, Exception):
        assert (type(ours), str(ours)) == (type(theirs), str(theirs))
    elif isinstance(ours, ValueError) and "has two interactions" in str(ours):
        # where RecBole fails later, in its trainer
        assert not theirs[1]["user_id"].duplicated().any()
    else:
        assert_same_data(ours, theirs)


def test_the_toy_set_is_read_fast(make_config):
    with mock.patch("recbole_cammsr.data.regular_table.pd.read_csv", wraps=pd.read_csv) as call:
        build(make_config)
    assert [each.kwargs["engine"] for each in call.call_args_list][:1] == ["c"]
