"""``cammsr-prep check`` of pre-split data: planted faults are found, what is known is counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recbole_cammsr.dataset_prep.checks import pre_split, split_steps
from recbole_cammsr.dataset_prep.checks.dataset_check import DatasetCheck, check_dataset, steps
from recbole_cammsr.dataset_prep.checks.interactions import FieldNames
from recbole_cammsr.dataset_prep.checks.pre_split import PreSplit, check_pre_split

PARTS = ("train", "valid", "test")
HEADER = "user_id:token\titem_id:token\titem_id_list:token_seq"
USERS, ITEMS, LENGTH = 40, 30, 9
Row = tuple[str, str, list[str]]


def prefixes() -> dict[str, list[Row]]:
    """Leave-one-out of users who take each item once, with a row for every item but the first."""
    rng = np.random.default_rng(0)
    rows: dict[str, list[Row]] = {part: [] for part in PARTS}
    for user in range(USERS):
        taken = [f"i{item}" for item in rng.permutation(ITEMS)[:LENGTH]]
        for end in range(1, LENGTH):
            part = "train" if end < LENGTH - 2 else "valid" if end == LENGTH - 2 else "test"
            rows[part].append((f"u{user}", taken[end], taken[:end]))
    return rows


def write(folder: Path, rows: dict[str, list[Row]], header: str = HEADER) -> Path:
    for part, of_part in rows.items():
        lines = [header, *("\t".join([user, item, " ".join(past)]) for user, item, past in of_part)]
        (folder / f"toy.{part}.inter").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def check(tmp_path) -> Callable[..., DatasetCheck]:
    def run(rows: dict[str, list[Row]], header: str = HEADER) -> DatasetCheck:
        return check_dataset(write(tmp_path, rows, header), "toy", parts=PARTS)

    return run


def messages(result: DatasetCheck, level: str) -> list[str]:
    """Findings on interactions and split; the data set has neither items nor features."""
    of_interactions = result.sections[:-2]
    return [x.message for part in of_interactions for x in part.findings if x.level == level]


def facts(result: DatasetCheck, section: int) -> dict[str, str]:
    return dict(result.sections[section].facts)


def test_a_sound_split_passes_and_the_counts_are_right(check):
    rows = prefixes()
    result = check(rows)
    assert (
        messages(result, "error") == messages(result, "warning") == messages(result, "note") == []
    )
    assert result.verdict().startswith("usable: 0 errors")
    assert [part.title for part in result.sections[:4]] == [
        *(f"interactions: toy.{part}.inter" for part in PARTS),
        "split: train, valid, test",
    ]
    assert facts(result, 0) == {
        "rows": "240",
        "users": "40",
        "items asked for": str(len({item for _, item, _ in rows["train"]})),
        "history length": "min 1, median 3.5, mean 3.5, max 6",
    }
    assert facts(result, 2)["history length"] == "min 8, median 8, mean 8.0, max 8"
    seen = {item for _, target, past in rows["train"] for item in (target, *past)}
    unseen = sum(item not in seen for _, item, _ in rows["test"])
    assert facts(result, 3) == {
        "train rows a user": "6.0",
        "valid items never in train": "0 (0.0 %)",
        "valid steps in train": "0 (0.0 %)",
        "test items never in train": f"{unseen} ({100 * unseen / USERS:.1f} %)",
        "test steps in train or valid": "0 (0.0 %)",
        "test histories that end with a valid item": "100.0 %",
    }


def test_order_of_rows_does_not_matter(check):
    rows = prefixes()
    expected = check(rows).text()
    rng = np.random.default_rng(1)
    for of_part in rows.values():
        rng.shuffle(of_part)
    assert check(rows).text() == expected


def test_blocks_change_nothing(check, monkeypatch):
    rows = prefixes()
    rows["train"] += rows["test"][:7]
    expected = check(rows).text()
    monkeypatch.setattr(pre_split, "_BLOCK", 7)
    monkeypatch.setattr(split_steps, "_BLOCK", 5)
    assert check(rows).text() == expected


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.pop("valid"), "toy.valid.inter: no such file; name the parts"),
        (
            lambda rows: rows["train"].__setitem__(3, ("u7", "i1", [])),
            "toy.train.inter: 1 rows have no item in item_id_list, e.g. that of 'u7'",
        ),
        (
            lambda rows: rows["test"].__setitem__(0, ("u8", "i1", ["NA"])),
            "toy.test.inter: 1 rows have no item in item_id_list, e.g. that of 'u8'",
        ),
        (
            lambda rows: rows["valid"].__setitem__(0, ("", "i1", ["i2"])),
            "toy.valid.inter: field user_id is empty in 1 rows",
        ),
        (
            lambda rows: rows["valid"].__setitem__(0, ("u1", "nan", ["i2"])),
            "toy.valid.inter: field item_id has 1 tokens that are read as missing",
        ),
        (lambda rows: rows["valid"].clear(), "toy.valid.inter: the file has a header but no row"),
    ],
)
def test_errors(check, spoil, message):
    rows = prefixes()
    spoil(rows)
    result = check(rows)
    (error,) = messages(result, "error")
    assert message in error
    # rows with an odd token can still be compared
    compared = any(section.title.startswith("split") for section in result.sections)
    assert compared == (": field " in message)
    assert result.verdict().startswith("NOT USABLE: 1 error,")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("item_id_list:token_seq", "past:token_seq"), "no field item_id_list:token"),
        (HEADER.replace("list:token_seq", "list:token"), "no field item_id_list:token_seq"),
        (HEADER.replace("user_id:token", "user_id:float"), "no field user_id:token; the header"),
    ],
)
def test_headers_are_checked_in_every_file(check, header, message):
    found = messages(check(prefixes(), header), "error")
    assert len(found) == 3
    assert all(message in each for each in found)


def leak_rows(rows: dict[str, list[Row]]) -> None:
    rows["train"] += rows["test"][:4]


def leak_in_a_history(rows: dict[str, list[Row]]) -> None:
    # the whole history of some users, as of a split at random
    rows["train"] += [(user, "i0", [*past, item]) for user, item, past in rows["test"][:4]]


def leak_in_validation(rows: dict[str, list[Row]]) -> None:
    rows["valid"] += rows["test"][:4]


def last_rows_only(rows: dict[str, list[Row]]) -> None:
    rows["train"] = [row for row in rows["train"] if len(row[2]) == LENGTH - 3]


def new_items(rows: dict[str, list[Row]]) -> None:
    rows["test"][:4] = [(user, f"new-{user}", past) for user, _, past in rows["test"][:4]]


def repeat_rows(rows: dict[str, list[Row]]) -> None:
    rows["valid"] += rows["valid"][:3]


@pytest.mark.parametrize(
    ("disturb", "message"),
    [
        (leak_rows, "10.0 % of the rows of test ask for a step, from the last item of the history"),
        (leak_in_a_history, "10.0 % of the rows of test ask for a step"),
        (leak_in_validation, "of the history to the next, that train or valid has of the same"),
        (last_rows_only, "only the last of a user's items is learned from, 40 of 280"),
        (new_items, "10.0 % of the items that test asks for never occur in train"),
        (repeat_rows, "toy.valid.inter: 3 rows stand more than once"),
    ],
)
def test_warnings(check, disturb, message):
    rows = prefixes()
    disturb(rows)
    result = check(rows)
    assert messages(result, "error") == []
    assert sum(message in each for each in messages(result, "warning")) == 1
    assert result.verdict().startswith("usable")


def test_an_item_asked_for_twice_is_no_repeat(check):
    rows = prefixes()
    user, item, past = rows["train"][-1]
    rows["train"].append((user, item, ["i0", *past]))
    assert messages(check(rows), "warning") == []


def test_quoted_cells_are_read_without_quotes(check):
    rows = prefixes()
    expected = facts(check(rows), 3)
    rows["train"] = [(f'"{user}"', item, past) for user, item, past in rows["train"]]
    result = check(rows)
    assert facts(result, 3) == expected
    assert "toy.train.inter: 240 lines have cells in double quotes" in messages(result, "note")[0]


def test_items_that_training_has_in_histories_or_asks_for_are_seen(check):
    rows = prefixes()
    # 3 of 40, of which no row of training has anything
    rows["test"][:3] = [(user, f"new-{user}", past) for user, _, past in rows["test"][:3]]
    (warning,) = messages(check(rows), "warning")
    assert warning.startswith("7.5 % of the items that test asks for never occur in train")
    for first in (("u0", "new-u0", ["i1"]), ("u0", "i1", ["new-u0"])):
        rows["train"].append(first)
        assert facts(check(rows), 3)["test items never in train"] == "2 (5.0 %)"
        assert messages(check(rows), "warning") == []
        rows["train"].pop()


def test_one_row_a_user_is_all_there_is_of_two_items(check):
    rows = prefixes()
    rows["train"] = [row for row in rows["train"] if len(row[2]) == 1]
    assert messages(check(rows), "warning") == []
    # nor is it one row a user where some have several
    rows["train"] = [*prefixes()["train"][4:6], *rows["train"]]
    assert messages(check(rows), "warning") == []


def test_another_user_gives_nothing_away(check):
    rows = prefixes()
    rows["train"] += [(f"x{user}", item, past) for user, item, past in rows["test"]]
    assert messages(check(rows), "warning") == []


def test_notes(check):
    rows = prefixes()
    rows["test"] = [(user, past[0], past[:-1]) for user, item, past in rows["test"]]
    again, skipped = messages(check(rows), "note")
    assert again.startswith("40 items that test asks for (100.0 %) are already in the row's own")
    assert skipped.startswith("no history of test ends with the item that valid asks for")


def test_a_test_without_validation_of_its_users_skips_nothing(check):
    rows = prefixes()
    rows["valid"] = [(f"x{user}", item, past) for user, item, past in rows["valid"]]
    result = check(rows)
    assert messages(result, "note") == []
    assert facts(result, 3)["test histories that end with a valid item"] == "0.0 %"
    # one history that goes on is no rule broken
    rows["valid"][0] = prefixes()["valid"][0]
    rows["valid"][1] = ("u1", "i0", ["i1"])
    result = check(rows)
    assert messages(result, "note") == []
    assert facts(result, 3)["test histories that end with a valid item"] == "2.5 %"


row = st.tuples(
    st.integers(0, 2), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=1, max_size=5)
)


@given(st.lists(row, min_size=1, max_size=6), st.lists(row, min_size=1, max_size=6))
def test_known_steps_equal_plain_loops(asked, known):
    def part(rows: list) -> split_steps.PartRows:
        return split_steps.PartRows(
            users=np.array([user for user, _, _ in rows]),
            targets=np.array([item for _, item, _ in rows]),
            items=np.array([item for _, _, past in rows for item in past]),
            lengths=np.array([len(past) for _, _, past in rows]),
        )

    of_known = {
        (user, *step)
        for user, item, past in known
        for step in zip(past, [*past[1:], item], strict=True)
    }
    twice = [user for user, item, past in asked if (user, past[-1], item) in of_known]
    own = [user for user, item, past in asked if item in past]
    section = split_steps.check_split({"train": part(known), "test": part(asked)}, 4)
    found = dict(section.facts)
    assert found["test steps in train"].startswith(f"{len(twice)} (")
    notes = [x.message for x in section.findings if "already in the row's own" in x.message]
    assert [note.split(" ")[0] for note in notes] == ([str(len(own))] if own else [])


def test_other_names_of_fields_and_parts(tmp_path):
    rows = prefixes()
    for part, name in zip(PARTS, "abc"):
        of_part = {name: rows[part]}
        write(tmp_path, of_part, "who:token\twhat:token\twhat_list:token_seq")
    fields = FieldNames(user="who", item="what")
    sections, found = check_pre_split(PreSplit(tmp_path, "toy", ("a", "b", "c")), fields)
    assert not any(section.findings for section in sections)
    assert found is not None
    assert sorted(found.item_tokens) == sorted({f"i{item}" for item in range(ITEMS)})
    targets = [found.item_tokens[item] for item in found.items]
    assert targets == [item for part in PARTS for _, item, _ in rows[part]]


def test_items_and_features_are_compared_with_all_parts(tmp_path):
    folder = write(tmp_path, prefixes())
    lines = ["item_id:token\tcategory:token", *(f"i{n}\tc{n % 3}" for n in range(ITEMS - 1))]
    (folder / "toy.item").write_text("\n".join(lines) + "\n")
    rng = np.random.default_rng(0)
    tokens = np.array([f"i{item}" for item in range(ITEMS)])
    np.savez(folder / "toy.text.npz", item_id=tokens, feature=rng.normal(size=(ITEMS, 4)))
    found = dict(
        fact for part in check_dataset(folder, "toy", parts=PARTS).sections for fact in part.facts
    )
    assert found["interacted items with a row"] == "29 of 30 (96.7 %)"
    assert found["items covered"] == "30 of 30 (100.0 %), 100.0 % of interactions"


def test_the_command_finds_the_parts(tmp_path, run_prep, capsys):
    folder = write(tmp_path, prefixes())
    run_prep("check", folder)
    shown = capsys.readouterr()
    assert "split: train, valid, test" in shown.out
    total = steps({}, PARTS)
    assert f"part {total}/{total}" in shown.err
    for part, name in zip(PARTS, "abc"):
        (folder / f"toy.{part}.inter").rename(folder / f"toy.{name}.inter")
    run_prep("check", folder, "--parts", "a,b,c", "--report", tmp_path / "page.html")
    assert "split: a, b, c" in capsys.readouterr().out
    assert "split: a, b, c" in (tmp_path / "page.html").read_text()
    with pytest.raises(ValueError, match=r"toy in .* has 1 error"):
        run_prep("check", folder, "--parts", "a,b,d")
    assert "toy.d.inter: no such file" in capsys.readouterr().out
    for wrong in ("a,b", "a,a,b", "a,b,"):
        with pytest.raises(SystemExit):
            run_prep("check", folder, "--parts", wrong)
        assert "does not name three parts" in capsys.readouterr().err


def test_parts_beside_a_whole_file_are_named(tmp_path, run_prep, capsys):
    folder = write(tmp_path, prefixes())
    lines = [f"{user}\t{item}\t{n}" for n, (user, item, _) in enumerate(prefixes()["train"])]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "toy.inter").write_text("\n".join([header, *lines]) + "\n")
    run_prep("check", folder)
    out = capsys.readouterr().out
    assert "interactions: toy.inter" in out
    assert (
        "toy.train.inter, toy.valid.inter, toy.test.inter beside toy.inter are not checked" in out
    )


@pytest.mark.skipif(
    "CAMMSR_SHARED_DATA" not in os.environ, reason="CAMMSR_SHARED_DATA names no data folder"
)
def test_amazon_scientific_is_a_leave_one_out_split():
    folder = Path(os.environ["CAMMSR_SHARED_DATA"]) / "amazon_scientific"
    result = check_dataset(folder, "Scientific", parts=PARTS)
    assert messages(result, "error") == messages(result, "warning") == []
    assert [facts(result, part)["rows"] for part in range(3)] == ["10,928", "2,928", "2,928"]
    assert facts(result, 3)["test histories that end with a valid item"] == "100.0 %"
    # as docs/results/history.md counts them
    assert any(note.startswith("25 items that test asks for") for note in messages(result, "note"))
