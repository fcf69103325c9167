"""Filters and k-core against naive loops; bytes that no number of threads changes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Optional
from urllib.parse import unquote

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.category_rule import CategoryRule
from recbole_cammsr.dataset_prep.filter_rule import Engine, FilterRule
from recbole_cammsr.dataset_prep.interaction_filter import STEPS, filter_staged
from recbole_cammsr.dataset_prep.item_links import read_links
from recbole_cammsr.dataset_prep.kcore import k_core
from recbole_cammsr.dataset_prep.staging import StagingWriter

Row = tuple[str, str, Optional[float], Optional[float]]


def naive_core(pairs: list[tuple[int, int]], per_user: int, per_item: int) -> list[tuple[int, int]]:
    """Remove one user or item at a time."""
    while True:
        users, items = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        bad_user = next((u for u in users if users[u] < per_user), None)
        bad_item = next((i for i in items if items[i] < per_item), None)
        if bad_user is not None:
            pairs = [pair for pair in pairs if pair[0] != bad_user]
        elif bad_item is not None:
            pairs = [pair for pair in pairs if pair[1] != bad_item]
        else:
            return pairs


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=50),
    st.integers(0, 4),
    st.integers(0, 4),
)
@settings(max_examples=40)
def test_k_core_equals_removal_one_at_a_time(pairs, per_user: int, per_item: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (user BIGINT, item BIGINT)")
        if pairs:
            connection.executemany("INSERT INTO t VALUES (?, ?)", pairs)
        k_core(connection, "t", per_user, per_item)
        left = connection.execute("SELECT user, item FROM t").fetchall()
    assert sorted(left) == sorted(naive_core(pairs, per_user, per_item))


def test_k_core_counts_the_rounds_that_removed_rows() -> None:
    core = [(user, item) for user in (1, 2) for item in (1, 2)]
    # Item 9 goes first, then user 3, who has one row left, then item 8, then user 4.
    tail = [(3, 9), (3, 8), (4, 8), (4, 1)]
    for pairs, rounds in ((core, 0), ([*core, (3, 1)], 1), ([*core, *tail], 4)):
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t (user BIGINT, item BIGINT)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", pairs)
            assert k_core(connection, "t", 2, 2) == rounds
            assert sorted(connection.execute("SELECT * FROM t").fetchall()) == core


def naive_filter(rows: list[Row], rule: FilterRule) -> list[Row]:
    """The rule by plain loops; the order of ``.inter``."""
    first_seen: dict[str, int] = {}
    for user, *_ in rows:
        first_seen.setdefault(user, len(first_seen))
    numbered = [
        (n, row)
        for n, row in enumerate(rows)
        if (rule.min_time is None or row[3] >= rule.min_time)
        and (rule.max_time is None or row[3] < rule.max_time)
    ]
    if rule.duplicates != "all":
        by_time = sorted(numbered, key=lambda one: (one[1][3], one[0]))
        if rule.duplicates == "last":
            by_time.reverse()
        chosen: dict[tuple[str, str], tuple[int, Row]] = {}
        for n, row in by_time:
            chosen.setdefault((row[0], row[1]), (n, row))
        numbered = list(chosen.values())
    if rule.min_rating is not None:
        numbered = [one for one in numbered if one[1][2] >= rule.min_rating]
    size = -1
    while size != len(numbered):
        size = len(numbered)
        users = Counter(row[0] for _, row in numbered)
        numbered = [one for one in numbered if users[one[1][0]] >= rule.min_per_user]
        items = Counter(row[1] for _, row in numbered)
        numbered = [one for one in numbered if items[one[1][1]] >= rule.min_per_item]
    numbered.sort(key=lambda one: (first_seen[one[1][0]], one[1][3], one[0]))
    return [row for _, row in numbered]


def stage(folder: Path, rows: list[Row]) -> Path:
    with StagingWriter(folder / "staged", rows_per_batch=16) as writer:
        for row in rows:
            writer.interaction(*row)
    return folder / "staged"


def read(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


optional_time = st.one_of(st.none(), st.integers(0, 9).map(float))


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["u1", "u2", "ü3", "u4"]),
            st.sampled_from(["a", "b", "c", "d"]),
            st.sampled_from([1.0, 2.5, 4.0, 5.0]),
            st.integers(0, 9).map(float),
        ),
        min_size=1,
        max_size=40,
    ),
    low=optional_time,
    high=st.one_of(st.none(), st.integers(10, 12).map(float)),
    duplicates=st.sampled_from(["first", "last", "all"]),
    rating=st.one_of(st.none(), st.sampled_from([2.5, 4.0])),
    core=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_filters_equal_plain_loops(tmp_path: Path, rows, low, high, duplicates, rating, core):
    rule = FilterRule(low, high, duplicates, rating, False, *core)
    expected = naive_filter(rows, rule)
    staged = stage(tmp_path, rows)
    inter, item = tmp_path / "x.inter", tmp_path / "x.item"
    if not expected:
        with pytest.raises(ValueError, match="no interaction is left"):
            filter_staged(staged, tmp_path / "work", inter, item, rule)
        return
    counts = filter_staged(staged, tmp_path / "work", inter, item, rule)
    written = [(u, i, float(r), float(t)) for u, i, r, t in read(inter)[1:]]
    assert written == expected
    assert counts["interactions"] == len(expected)
    assert {row[0] for row in read(item)[1:]} == {row[1] for row in expected}
    assert not (tmp_path / "work").exists()


def test_threads_and_memory_change_no_byte(tmp_path: Path) -> None:
    rows = [
        (f"u{n * 7919 % 601}", f"i{n * 104729 % 307}", float(n % 5 + 1), float(n * 31 % 97))
        for n in range(20_000)
    ]
    staged = stage(tmp_path, rows)
    contents = set()
    for threads, memory in ((1, "100MB"), (2, "1GB"), (4, "200MB")):
        inter, item = tmp_path / "x.inter", tmp_path / "x.item"
        filter_staged(staged, tmp_path / "work", inter, item, FilterRule(), Engine(memory, threads))
        contents.add((inter.read_bytes(), item.read_bytes()))
    assert len(contents) == 1


def test_item_rows_clean_texts_keep_the_first_record_and_group_small_labels(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        for item in ("b", "a", "c", "d"):
            writer.interaction("u", item, None, 1.5)
        writer.item("z", title="never bought")
        writer.item(
            "a", title='Tom &amp; "Jerry"<br>2', categories=[["R", "X", "Deep"]], image=["p", "q"]
        )
        writer.item("a", title="second record")
        writer.item("b", categories=[["R", "X"], ["R", "Y"]], brand="N/A")
        writer.item("c", categories=[["R", "Y"]])
    rule = FilterRule(min_per_user=0, min_per_item=0, categories=CategoryRule("path", 1, None, 2))
    inter, item = tmp_path / "x.inter", tmp_path / "x.item"
    counts = filter_staged(tmp_path / "staged", tmp_path / "work", inter, item, rule)
    header, *rows = read(item)
    assert header[:4] == [
        "item_id:token",
        "title:token_seq",
        "category:token",
        "categories:token_seq",
    ]
    assert rows == [
        ["b", "", "X", "X Y", "N/A", "", ""],
        ["a", "Tom & Jerry 2", "X", "X", "", "", "p q"],
        ["c", "", "Other", "Y", "", "", ""],
        ["d", "", "", "", "", "", ""],
    ]
    # No rating in the source, so no column of zeros.
    assert read(inter)[:2] == [
        ["user_id:token", "item_id:token", "timestamp:float"],
        ["u", "b", "1.5"],
    ]
    assert (counts["items_described"], counts["titles"], counts["categorised"]) == (3, 1, 3)
    assert (counts["brands"], counts["descriptions"], counts["images"]) == (1, 0, 1)


def test_only_described_items(tmp_path: Path) -> None:
    with StagingWriter(tmp_path / "staged") as writer:
        writer.interaction("u", "a", 5, 1_400_000_000)
        writer.interaction("u", "b", 4.5, 1_400_000_001)
        writer.item("b")
    rule = FilterRule(only_described=True, min_per_user=0, min_per_item=0)
    inter = tmp_path / "x.inter"
    filter_staged(tmp_path / "staged", tmp_path / "work", inter, tmp_path / "x.item", rule)
    assert read(inter)[1:] == [["u", "b", "4.5", "1400000001"]]


@pytest.mark.parametrize("duplicates", ["first", "last", "all"])
def test_rows_without_time_go_where_others_have_one(tmp_path: Path, duplicates: str) -> None:
    rows = [("u", "a", 5.0, None), ("u", "a", 4.0, 20.0), ("u", "b", 3.0, 10.0)]
    rule = FilterRule(duplicates=duplicates, min_per_user=0, min_per_item=0)
    inter, steps = tmp_path / "x.inter", []
    staged = stage(tmp_path, rows)
    counts = filter_staged(
        staged, tmp_path / "work", inter, tmp_path / "x.item", rule, begin=steps.append
    )
    # The one without time stood first, and would have been kept as the first of its pair.
    assert read(inter)[1:] == [["u", "b", "3", "10"], ["u", "a", "4", "20"]]
    assert (counts["rows_read"], counts["rows_with_time"]) == (3, 2)
    assert steps == list(STEPS)


def test_rows_without_rating_go_where_a_lowest_one_is_asked_for(tmp_path: Path) -> None:
    rows = [("u", "a", None, 1.0), ("u", "b", 0.0, 2.0), ("u", "c", -1.0, 3.0)]
    inter = tmp_path / "x.inter"
    rule = FilterRule(min_rating=0.0, min_per_user=0, min_per_item=0)
    filter_staged(stage(tmp_path, rows), tmp_path / "work", inter, tmp_path / "x.item", rule)
    assert read(inter)[1:] == [["u", "b", "0", "2"]]


def test_source_without_times_keeps_its_rows(tmp_path: Path) -> None:
    staged = stage(tmp_path, [("u", "b", 5.0, None), ("u", "a", 4.0, None)])
    inter = tmp_path / "x.inter"
    rule = FilterRule(min_per_user=0, min_per_item=0)
    counts = filter_staged(staged, tmp_path / "work", inter, tmp_path / "x.item", rule)
    assert read(inter)[1:] == [["u", "b", "5"], ["u", "a", "4"]]
    assert counts["rows_with_time"] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("foo", 1), "such as 4GB or 512MB, not 'foo'"),
        (("-1GB", 1), "such as 4GB"),
        (("1GB", 0), "threads must be at least 1, not 0"),
    ],
)
def test_limits_that_the_engine_would_refuse_late(arguments, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Engine(*arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tags",), "'path' or 'flat'"),
        (("path", -1), "cannot be negative"),
        (("path", 0, 0), "level must be at least 1"),
        (("flat", 0, None, 0), "fewest items of a category"),
    ],
)
def test_category_rules_are_refused_before_a_source_is_read(arguments, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CategoryRule(*arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"duplicates": "some"}, "duplicates must be one of"),
        ({"min_time": 5, "max_time": 5}, "exchange them"),
        ({"min_per_item": -1}, "cannot be negative"),
    ],
)
def test_impossible_rules_are_refused(arguments, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FilterRule(**arguments)


def test_image_links_keep_their_spelling_and_stay_one_word(tmp_path: Path) -> None:
    links = {
        "a": "https://x.com/i.jpg?w=300&region=eu&sect=4&copy=2",
        "b": 'https://x.com/img "a".jpg',
        "c": "https://x.com/cafe\u0301.jpg",
        "d": "https://x.com/\u00a0\u2028\x85<b>\t1.jpg",
    }
    with StagingWriter(tmp_path / "staged") as writer:
        for item, link in links.items():
            writer.interaction("u", item, None, 1.5)
            writer.item(item, image=[link, "https://x.com/second.jpg"])
    item_file = tmp_path / "x.item"
    rule = FilterRule(min_per_user=0, min_per_item=0)
    filter_staged(tmp_path / "staged", tmp_path / "work", tmp_path / "x.inter", item_file, rule)
    # Read as encode-images reads it: the first of several links.
    read_back = dict(read_links(item_file, "item_id", "image"))
    assert {item: unquote(link) for item, link in read_back.items()} == links
    assert read_back["a"] == links["a"]
    assert read_back["c"] == links["c"]
    content = item_file.read_text(encoding="utf-8")
    assert '"' not in content
    assert len(content.splitlines()) == 5


@pytest.mark.parametrize("limit", ["0B", "1MB"])
def test_a_memory_limit_that_is_too_low_is_named(tmp_path: Path, limit: str) -> None:
    staged = stage(tmp_path, [("u", "a", 5.0, 1.0)])
    paths = (tmp_path / "x.inter", tmp_path / "x.item")
    with pytest.raises(ValueError, match=f"^--memory-limit {limit} is not enough to filter"):
        filter_staged(staged, tmp_path / "work", *paths, FilterRule(), Engine(limit, 1))
    assert not (tmp_path / "work").exists()


def test_a_database_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    staged = stage(tmp_path, [(f"u{n}", f"i{n}", 5.0, 1.0) for n in range(5000)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow beyond 8 kB: what a full disk is, without filling one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(OSError, match=r"work: cannot filter \(.*free disk space there"):
            filter_staged(staged, tmp_path / "work", tmp_path / "i", tmp_path / "x", FilterRule())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
