"""Tables: means, deviations, marks, improvements, breakdowns, from made-up ranks."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recbole_cammsr.analysis.benchmark import Run
from recbole_cammsr.analysis.breakdown import (
    CATEGORY,
    HISTORY,
    LAST_POPULARITY,
    breakdown,
    groups,
    quartile_edges,
    range_names,
)
from recbole_cammsr.analysis.job import JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks, per_user
from recbole_cammsr.analysis.same_questions import other_users
from recbole_cammsr.analysis.significance import holm
from recbole_cammsr.analysis.summary import (
    Cell,
    compare,
    improvement,
    is_borne_out,
    summarise,
    user_means,
    validation,
)
from recbole_cammsr.analysis.tables import (
    COMPARISON_HEADER,
    LATEX,
    MARKDOWN,
    comparison_rows,
    latex,
    markdown,
    p_value,
    table_rows,
)

USERS = 60


def make_run(label, seed, rank, users=None, dataset="toy"):
    count = len(rank)
    ranks = UserRanks(
        user=np.array(users if users is not None else [f"u{i:03d}" for i in range(count)]),
        target=np.array(["i1"] * count),
        rank=np.asarray(rank),
        history_length=np.arange(count) % 9 + 3,
        popularity=np.arange(count) % 2,
        category=np.array(["a", "a\nb", ""] * count)[:count],
        last_popularity=np.arange(count) % 5,
    )
    test = {metric: float(per_user(metric, ranks.rank).mean()) for metric in ("ndcg@10", "hit@5")}
    job = TrainingJob("SASRec", dataset, seed)
    result = JobResult(job, {"ndcg@10": 0.1}, test, "ndcg@10", True, 3, 2, {}, "code")
    return Run(label, dataset, seed, result, ranks)


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    made = []
    for label, worst in (("ours", 12), ("theirs", 20), ("weak_one", 90)):
        made += [make_run(label, seed, rng.integers(1, worst, USERS)) for seed in (1, 2, 3)]
    return made


def test_means_and_deviations_are_those_of_the_seeds(runs):
    cell = summarise(runs)["toy"]["theirs"]["ndcg@10"]
    values = [run.result.test["ndcg@10"] for run in runs if run.contender == "theirs"]
    mean = sum(values) / 3
    assert cell.mean == pytest.approx(mean)
    assert cell.deviation == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in values) / 2))
    assert Cell.of([0.5]).deviation is None


def test_validation_is_summarised_by_the_metric_that_chose(runs):
    first, *others = runs
    better = dataclasses.replace(first.result, valid={"ndcg@10": 0.4, "hit@5": 0.9})
    found = validation([dataclasses.replace(first, result=better), *others], "toy")
    assert list(found) == ["ours", "theirs", "weak_one"]
    metric, cell = found["ours"]
    assert metric == "ndcg@10"
    assert cell.values == (0.4, 0.1, 0.1)
    assert cell.mean == pytest.approx(0.2)
    assert validation(runs, "elsewhere") == {}


def test_users_are_averaged_over_their_rows_and_seeds():
    users = ["b", "a", "b"]
    runs = [make_run("x", 1, [1, 2, 3], users), make_run("x", 2, [1, 1, 1], users)]
    names, values = user_means([run.ranks for run in runs], "mrr@10")
    assert names.tolist() == ["a", "b"]
    assert values == pytest.approx([(1 / 2 + 1) / 2, ((1 + 1 / 3) / 2 + 1) / 2])


def test_comparisons_pair_the_same_users(runs):
    shuffled = []
    rng = np.random.default_rng(1)
    for run in runs:
        order = rng.permutation(USERS)
        ranks = UserRanks(*(column[order] for column in run.ranks))
        shuffled.append(Run(run.contender, run.dataset, run.seed, run.result, ranks))
    found = compare(shuffled, "ndcg@10", "ours")
    assert [one.other for one in found] == ["theirs", "weak_one"]
    for a, b in zip(found, compare(runs, "ndcg@10", "ours")):
        assert a.test == pytest.approx(b.test)
        assert a.t_holm >= a.test.t_p
    assert compare(runs, "itemcoverage@10", "ours") == []


def test_holms_correction_is_of_each_test_by_itself(runs):
    rng = np.random.default_rng(5)
    runs = [*runs, *(make_run("near", seed, rng.integers(1, 14, USERS)) for seed in (1, 2, 3))]
    found = compare(runs, "ndcg@10", "ours")
    by_t, by_wilcoxon = [one.test.t_p for one in found], [one.test.wilcoxon_p for one in found]
    assert holm(by_t) != pytest.approx(holm(by_wilcoxon))
    assert [one.t_holm for one in found] == pytest.approx(holm(by_t))
    assert [one.wilcoxon_holm for one in found] == pytest.approx(holm(by_wilcoxon))
    for number, row in enumerate(comparison_rows(found)):
        cells = list(zip(COMPARISON_HEADER, row))
        place = COMPARISON_HEADER.index("t-test p")
        columns = zip(
            (by_t, holm(by_t), by_wilcoxon, holm(by_wilcoxon)),
            ("t-test p", "after Holm", "Wilcoxon p", "after Holm"),
        )
        expected = [(name, p_value(values[number])) for values, name in columns]
        assert cells[place : place + 4] == expected


def test_each_data_set_is_compared_by_itself(runs):
    """Also where they have the same users, contenders and metrics."""
    rng = np.random.default_rng(6)
    elsewhere = [
        make_run(label, seed, rng.integers(1, 30, USERS), dataset="shop")
        for label in ("ours", "theirs", "weak_one")
        for seed in (1, 2)
    ]
    alone = [*compare(runs, "ndcg@10", "ours"), *compare(elsewhere, "ndcg@10", "ours")]
    assert compare([*runs, *elsewhere], "ndcg@10", "ours") == alone
    assert alone[0].test != alone[2].test


def test_over_what_scores_nothing_there_is_no_share_of_improvement(runs):
    nothing = [make_run("nothing", seed, [999] * USERS) for seed in (1, 2, 3)]
    ours = [run for run in runs if run.contender == "ours"]
    (found,) = compare([*ours, *nothing], "ndcg@10", "ours")
    assert found.improvement is None
    assert found.test.difference > 0
    assert comparison_rows([found])[0][1] == "-"
    cells = summarise([*ours, *nothing])["toy"]
    assert improvement(cells, "ndcg@10", "ours") is None
    assert table_rows(cells, ["ndcg@10"], "ours", MARKDOWN)[-1][1] == "-"


def test_comparisons_test_between_seeds(runs):
    per_seed = {
        label: [run.result.test["ndcg@10"] for run in runs if run.contender == label]
        for label in ("ours", "theirs")
    }
    found = compare(runs, "ndcg@10", "ours")[0]
    expected = stats.ttest_ind(per_seed["ours"], per_seed["theirs"], equal_var=False).pvalue
    assert found.seeds_p == pytest.approx(expected)
    row = comparison_rows([found])[0]
    assert dict(zip(COMPARISON_HEADER, row))["between seeds p"] == p_value(expected)
    single = compare([run for run in runs if run.seed == 1], "ndcg@10", "ours")
    assert [one.seeds_p for one in single] == [None, None]
    assert comparison_rows(single)[0][-1] == "-"


def test_comparisons_are_over_the_users_that_both_have(runs):
    rng = np.random.default_rng(3)
    users = [f"u{i:03d}" for i in range(USERS)]
    more = [
        make_run("more", seed, rng.integers(1, 50, 70), [*users, *"abcdefghij"]) for seed in (1, 2)
    ]
    fewer = [make_run("fewer", seed, rng.integers(1, 50, 40), users[:40]) for seed in (1, 2)]
    fewer.append(make_run("fewer", 3, rng.integers(1, 50, 39), users[1:40]))
    found = {one.other: one for one in compare([*runs, *more, *fewer], "ndcg@10", "ours")}
    kept = {"theirs": users, "more": users, "fewer": users[1:40]}
    for label, names in kept.items():
        values = []
        for of in ("ours", label):
            seeds = [run.ranks for run in [*runs, *more, *fewer] if run.contender == of]
            by_user = [dict(zip(one.user, per_user("ndcg@10", one.rank))) for one in seeds]
            values.append([np.mean([one[name] for one in by_user]) for name in names])
        assert found[label].test.users == len(names)
        assert found[label].test.t_p == pytest.approx(stats.ttest_rel(*values).pvalue)
        assert found[label].improvement == pytest.approx(
            np.mean(values[0]) / np.mean(values[1]) - 1
        )
    notes = other_users([*runs, *more, *fewer], "ours")
    assert [note.split(" are users")[0] for note in notes] == [
        "on toy, more was tested on 70 users, of which 60",
        "on toy, fewer was tested on 40 users, of which 39",
    ]
    assert all("the tests are over these" in note for note in notes)


def test_a_model_that_shares_no_user_is_not_compared_but_named(runs):
    stranger = make_run("stranger", 1, [1] * USERS, [f"x{i}" for i in range(USERS)])
    found = compare([*runs, stranger], "ndcg@10", "ours")
    assert found == compare(runs, "ndcg@10", "ours")
    (note,) = other_users([*runs, stranger], "ours")
    assert "stranger was tested on 60 users, of which 0" in note
    assert "too few to test" in note
    assert other_users(runs, "ours") == []
    with pytest.raises(ValueError, match="no run"):
        user_means([], "ndcg@10")


def test_the_best_is_bold_the_second_underlined(runs):
    cells = summarise(runs)["toy"]
    rows = table_rows(cells, ["ndcg@10"], "ours", MARKDOWN)
    assert [row[0] for row in rows] == ["ours", "theirs", "weak_one", "ours over the best other"]
    assert rows[0][1].startswith("**")
    assert rows[1][1].startswith("<u>")
    assert rows[2][1] == f"{cells['weak_one']['ndcg@10'].mean:.4f} ± " + (
        f"{cells['weak_one']['ndcg@10'].deviation:.4f}"
    )
    other, gain = improvement(cells, "ndcg@10", "ours")
    means = {label: cells[label]["ndcg@10"].mean for label in cells}
    assert other == "theirs"
    assert gain == pytest.approx((means["ours"] - means["theirs"]) / means["theirs"])
    assert rows[3][1] == f"{100 * gain:+.1f} %"


def test_where_smaller_is_better_the_smallest_is_bold_and_a_decrease_an_improvement():
    values = {"ours": 0.2, "far": 0.9, "near": 0.25}
    cells = {
        label: {"giniindex@10": Cell.of([value]), "rmse": Cell.of([value])}
        for label, value in values.items()
    }
    for metric in ("giniindex@10", "rmse"):
        rows = table_rows(cells, [metric], "ours", MARKDOWN)
        assert [row[1] for row in rows] == ["**0.2000**", "0.9000", "<u>0.2500</u>", "+20.0 %"]
        other, gain = improvement(cells, metric, "near")
        assert (other, gain) == ("ours", pytest.approx(-0.25))


def test_equals_share_the_mark_and_one_contender_has_none():
    same = {label: {"hit@5": Cell.of([0.5])} for label in ("a", "b", "c")}
    assert [row[1] for row in table_rows(same, ["hit@5"], "x", MARKDOWN)] == ["**0.5000**"] * 3
    alone = {"a": same["a"]}
    assert table_rows(alone, ["hit@5"], "a", MARKDOWN) == [["a", "0.5000"]]


def test_latex_escapes_what_latex_reads(runs):
    text = latex(summarise(runs), ["ndcg@10"], "ours", "50% & more_")
    assert r"weak\_one" in text
    assert r"\caption{50\% \& more\_}" in text
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert all(line.count("&") == 1 for line in text.splitlines() if line.startswith("ours"))
    assert table_rows(summarise(runs)["toy"], ["ndcg@10"], "ours", LATEX)[0][1].endswith("}}")


def test_latex_stars_what_users_and_seeds_bear_out(runs):
    summary = summarise(runs)
    tests = compare(runs, "ndcg@10", "ours")
    assert all(map(is_borne_out, tests))
    text = latex(summary, ["hit@5", "ndcg@10"], "ours", "50%", tests)
    assert r"\caption{50\%. $^{*}$: better than every other row in NDCG@10, with $p < 0.05$" in text
    assert text.count("$^{*}$") == 2
    (row,) = [line for line in text.splitlines() if line.startswith("ours &")]
    assert row.endswith(r"}}$^{*}$ \\")
    for change in ({"seeds_p": 0.05}, {"t_holm": 0.2}, {"wilcoxon_holm": 0.06}):
        weaker = [dataclasses.replace(tests[0], **change), *tests[1:]]
        assert latex(summary, ["ndcg@10"], "ours", "c", weaker).count("$^{*}$") == 1  # the caption
    # a row that could not be compared, the reference as the worse one, and one seed
    assert latex(summary, ["ndcg@10"], "ours", "c", tests[1:]).count("$^{*}$") == 1
    worse = latex(summary, ["ndcg@10"], "theirs", "c", compare(runs, "ndcg@10", "theirs"))
    assert worse.count("$^{*}$") == 1
    assert re.search(r"theirs over the best other & \$-\$\d+\.\d\\,\\% ", worse)
    one = [run for run in runs if run.result.job.seed == 1]
    assert "*" not in latex(
        summarise(one), ["ndcg@10"], "ours", "c", compare(one, "ndcg@10", "ours")
    )


@pytest.mark.parametrize("label", ["[text, image]", "*", "[1] ours"])
def test_no_label_is_the_argument_of_the_line_break_before_it(label):
    cells = {name: {"hit@5": Cell.of([0.5])} for name in ("first", label)}
    text = latex({"toy": cells}, ["hit@5"], label, "caption")
    # LaTeX skips blanks and line ends when it looks behind \\\\ for a star or a bracket
    assert not re.search(r"\\\\\s*[\[*]", text)
    assert "\n{}" + label + " & " in text


def test_markdown_has_as_many_cells_in_every_line():
    lines = markdown(["a", "b"], [["1", "2"], ["3", "4"]]).splitlines()
    assert {line.count("|") for line in lines} == {3}


def test_groups_cover_every_row_once_but_categories_overlap(runs):
    ranks = runs[0].ranks
    cover = {}
    for kind, _, rows in groups(ranks):
        cover[kind] = cover.get(kind, 0) + np.bincount(rows, minlength=len(ranks.rank))
    assert (cover["history length"] == 1).all()
    assert (cover["popularity"] == 1).all()
    expected = [len([x for x in cell.split("\n") if x]) for cell in ranks.category]
    assert cover["category"].tolist() == expected


def test_a_category_with_a_bar_is_one_category(runs):
    first = runs[0]
    ranks = first.ranks._replace(category=np.array(["R&B | Soul", "Pop\nR&B | Soul"] * 30))
    (of_both, of_pop) = [one for one in groups(ranks) if one[0] == "category"]
    assert (of_both[1], len(of_both[2])) == ("R&B | Soul", 60)
    assert (of_pop[1], len(of_pop[2])) == ("Pop", 30)


def test_groups_of_categories_are_those_of_a_loop_over_labels_and_rows(runs):
    rng = np.random.default_rng(0)
    cells = [
        "\n".join(f"c{x}" for x in rng.integers(0, 9, rng.integers(0, 4))) for _ in range(USERS)
    ]
    ranks = runs[0].ranks._replace(category=np.array(cells))
    labels = [set(cell.split("\n")) - {""} for cell in cells]
    expected = [
        (name, [row for row, own in enumerate(labels) if name in own])
        for name in sorted(set().union(*labels))
    ]
    expected.sort(key=lambda entry: -len(entry[1]))
    found = [(name, rows.tolist()) for kind, name, rows in groups(ranks) if kind == CATEGORY]
    assert found == expected
    of_run = breakdown([dataclasses.replace(runs[0], ranks=ranks)], ["ndcg@10"])
    values = [row["value"] for row in of_run if row["breakdown"] == CATEGORY]
    assert values == [per_user("ndcg@10", ranks.rank[rows]).mean() for _, rows in expected]


def test_rows_with_many_labels_are_not_looked_at_once_for_each(runs):
    """Once a mask of all rows was made for each label: here 20 MB."""
    cells = np.array([f"c{row}" for row in range(4500)])
    ranks = UserRanks(cells, cells, *[np.arange(4500)] * 3, category=cells)
    found = [rows for kind, _, rows in groups(ranks) if kind == CATEGORY]
    assert len(found) == 4500
    assert sum(rows.nbytes for rows in found) == 4500 * 8


def test_quartiles_keep_equals_together():
    values = np.array([1, 1, 1, 1, 1, 1, 2, 9])
    edges = quartile_edges(values)
    assert edges == [1, 9]
    assert range_names(values, edges) == ["1", "2-9"]


@given(st.lists(st.integers(0, 99), min_size=1, max_size=25))
def test_quartiles_are_values_that_a_quarter_of_the_rows_does_not_pass(values):
    def least(quarters):  # the smallest value that so many quarters of the rows are not above
        return next(
            v for v in sorted(values) if 4 * sum(x <= v for x in values) >= quarters * len(values)
        )

    assert quartile_edges(np.array(values)) == sorted(
        {least(quarters) for quarters in (1, 2, 3, 4)}
    )


def test_groups_are_those_of_a_loop_over_rows_for_every_metric(runs):
    """Of two runs, one of which has no row in some of the ranges."""
    few = runs[3].ranks._replace(
        history_length=np.full(USERS, 4), popularity=np.full(USERS, 1), last_popularity=None
    )
    pair = [runs[0], dataclasses.replace(runs[3], ranks=few)]
    columns = {"history length": 3, "popularity": 4, "popularity of the last item": 6}
    expected = {}
    for run in pair:
        for kind, column in columns.items():
            both = [v for one in pair if one.ranks[column] is not None for v in one.ranks[column]]
            edges = quartile_edges(np.array(both))
            found = {}
            for row, value in enumerate([] if run.ranks[column] is None else run.ranks[column]):
                place = next(place for place, edge in enumerate(edges) if value <= edge)
                found.setdefault(range_names(np.array(both), edges)[place], []).append(row)
            for group, rows in found.items():
                for metric in ("hit@5", "ndcg@10"):
                    value = per_user(metric, run.ranks.rank[rows]).mean()
                    key = (run.contender, kind, group, metric)
                    expected[key] = (len(rows), pytest.approx(value))
    result = {
        (row["model"], row["breakdown"], row["group"], row["metric"]): (
            row["test_rows"],
            row["value"],
        )
        for row in breakdown(pair, ["hit@5", "ndcg@10"])
        if row["breakdown"] != CATEGORY
    }
    assert result == expected


def test_each_data_set_is_cut_by_itself(runs):
    first, other = runs[0], runs[3]
    longer = other.ranks._replace(history_length=other.ranks.history_length * 50)
    elsewhere = dataclasses.replace(other, dataset="shop", ranks=longer)
    alone = [*breakdown([first], ["hit@5"]), *breakdown([elsewhere], ["hit@5"])]
    assert breakdown([first, elsewhere], ["hit@5"]) == alone


def test_a_breakdown_is_the_mean_of_its_rows(runs):
    rows = breakdown(runs, ["ndcg@10", "itemcoverage@10"])
    assert {row["metric"] for row in rows} == {"ndcg@10"}
    row = next(r for r in rows if r["model"] == "ours" and r["group"] == "b")
    mask = np.array(["b" in cell for cell in runs[0].ranks.category])
    assert {row["group"] for row in rows if row["breakdown"] == "category"} == {"a", "b"}
    values = [per_user("ndcg@10", run.ranks.rank[mask]).mean() for run in runs[:3]]
    assert row["test_rows"] == mask.sum()
    assert row["value"] == pytest.approx(np.mean(values))


def test_runs_with_slightly_other_rows_are_cut_in_the_same_places(runs):
    first, other = runs[0], runs[3]
    lengths = other.ranks.history_length.copy()
    lengths[lengths == 5] = 6  # 5 is an edge of the first run
    other = dataclasses.replace(other, ranks=other.ranks._replace(history_length=lengths))
    rows = [row for row in breakdown([first, other], ["hit@5"]) if row["breakdown"] == HISTORY]
    names = {run.contender: [] for run in (first, other)}
    for row in rows:
        names[row["model"]].append(row["group"])
        low, _, high = row["group"].partition("-")
        run = first if row["model"] == first.contender else other
        held = run.ranks.history_length
        mask = (held >= int(low)) & (held <= int(high or low))
        assert row["test_rows"] == mask.sum()
        assert row["value"] == pytest.approx(per_user("hit@5", run.ranks.rank[mask]).mean())
    assert names["ours"] == names["theirs"]
    assert [groups(run.ranks)[0][1] for run in (first, other)] != [names["ours"][0]] * 2


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_without_last_items_stands_in_the_other_breakdowns(runs, order):
    with_them, plain = (
        runs[0],
        dataclasses.replace(runs[3], ranks=runs[3].ranks._replace(last_popularity=None)),
    )
    rows = breakdown([with_them, plain][::order], ["ndcg@10"])
    by_last = [row for row in rows if row["breakdown"] == LAST_POPULARITY]
    assert {row["model"] for row in by_last} == {"ours"}
    for row, kept in zip(by_last, [[0, 1], [2], [3], [4]]):
        mask = np.isin(with_them.ranks.last_popularity, kept)
        values = per_user("ndcg@10", with_them.ranks.rank[mask])
        assert row["value"] == pytest.approx(values.mean())
    assert sum(row["test_rows"] for row in by_last) == USERS
    both = [row for row in rows if row["breakdown"] == "history length"]
    assert {row["model"] for row in both} == {"ours", "theirs"}


def test_a_group_with_other_users_in_every_seed_is_one_row(runs):
    first, second, third = runs[:3]
    fewer = np.where(np.arange(USERS) < 30, "", second.ranks.category)
    changed = dataclasses.replace(second, ranks=second.ranks._replace(category=fewer))
    rows = breakdown([first, changed, third], ["ndcg@10"])
    (row,) = [r for r in rows if (r["breakdown"], r["group"]) == ("category", "b")]
    counts, values = [], []
    for run in (first, changed, third):
        mask = np.array(["b" in cell for cell in run.ranks.category])
        counts.append(mask.sum())
        values.append(per_user("ndcg@10", run.ranks.rank[mask]).mean())
    assert counts == [20, 10, 20]
    assert row["test_rows"] == 17
    assert row["value"] == pytest.approx(np.mean(values))


def with_columns(run, target, category):
    """A run with other targets and labels in its rows."""
    ranks = run.ranks._replace(target=np.array(target), category=np.array(category))
    return dataclasses.replace(run, ranks=ranks)


def by_category(runs):
    rows = [row for row in breakdown(runs, ["hit@5"]) if row["breakdown"] == CATEGORY]
    return {(row["dataset"], row["model"], row["group"]): row["test_rows"] for row in rows}


def test_runs_without_categories_have_those_of_the_other_runs_on_the_data_set(runs):
    """As where `category_field` stands in the row of one model; targets may differ a little."""
    first, second = (
        with_columns(run, target, labels)
        for run, target, labels in (
            (runs[0], ["i1", "i2", "i3"] * 20, ["a", "a\nb", ""] * 20),
            (runs[1], ["i1", "i2", "i4"] * 20, ["a", "a\nb", "b"] * 20),
        )
    )
    target = [*["i2"] * 30, *["i3"] * 10, *["i4"] * 15, *["i5"] * 5]  # nobody knows i5
    baseline = with_columns(runs[3], target, [""] * USERS)
    elsewhere = dataclasses.replace(baseline, dataset="other")
    found = by_category([baseline, first, second, elsewhere])
    assert found == {
        **{("toy", "ours", "a"): 40, ("toy", "ours", "b"): 30},
        **{("toy", "theirs", "a"): 30, ("toy", "theirs", "b"): 45},
    }


def test_labels_of_a_run_with_items_without_any_are_known_too(runs):
    labelled = with_columns(runs[0], ["i1", "i2"] * 30, ["a", ""] * 30)
    baseline = with_columns(runs[3], ["i1", "i2"] * 30, [""] * USERS)
    found = by_category([labelled, baseline])
    assert found == {("toy", "ours", "a"): 30, ("toy", "theirs", "a"): 30}


def test_runs_with_other_columns_of_categories_keep_their_own(runs):
    first = with_columns(runs[0], ["i1", "i2"] * 30, ["a", "b"] * 30)
    other = with_columns(runs[3], ["i1", "i3"] * 30, ["x", ""] * 30)
    neither = with_columns(runs[6], ["i1", "i3"] * 30, [""] * USERS)
    found = by_category([first, other, neither])
    assert found == {
        **{("toy", "ours", "a"): 30, ("toy", "ours", "b"): 30, ("toy", "theirs", "x"): 30},
        ("toy", "weak_one", "a"): 30,
    }


def test_a_mean_that_is_no_number_is_neither_best_nor_second():
    cells = {
        label: {"ndcg@10": Cell.of([value])}
        for label, value in (("a", 0.1), ("broken", math.nan), ("b", 0.3), ("c", 0.2))
    }
    rows = table_rows(cells, ["ndcg@10"], "a", MARKDOWN)
    shown = {row[0]: row[1] for row in rows}
    assert shown["b"] == "**0.3000**"
    assert shown["c"] == "<u>0.2000</u>"
    assert shown["broken"] == "nan"
    assert shown["a over the best other"] == "-66.7 %"
    assert table_rows(cells, ["ndcg@10"], "broken", MARKDOWN)[-1][1] == "-"


def test_a_metric_that_one_data_set_has_not_is_tested_on_the_other():
    rng = np.random.default_rng(1)
    made = [
        make_run(label, 1, rng.integers(1, 30, USERS), dataset=dataset)
        for dataset in ("toy", "shop")
        for label in ("ours", "theirs")
    ]
    for run in made:
        if run.dataset == "shop":
            run.result.test.pop("ndcg@10")
    assert [one.dataset for one in compare(made, "ndcg@10", "ours")] == ["toy"]


def test_means_over_seeds_do_not_depend_on_the_order_of_seeds():
    rng = np.random.default_rng(1)
    ranks = [make_run("ours", seed, rng.geometric(0.15, 500)).ranks for seed in (1, 2, 3)]
    first, second = (user_means(seeds, "ndcg@10")[1] for seeds in (ranks, ranks[::-1]))
    assert (first == second).all()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a<b>", r"a\<b>"),
        ("*x* y", r"\*x\* y"),
        ("weak_one _x_", r"weak_one \_x\_"),
        ("p|q `a|b*`", r"p\|q `a\|b*`"),
        ("[text](image) [3,inf)", r"[text\](image) [3,inf)"),
        ("R&B &amp; \\*", r"R&B \&amp; \\\*"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escapes_what_markdown_reads(text, escaped):
    assert MARKDOWN.text(text) == escaped


def test_latex_knows_signs_that_its_oldest_encoding_has_not():
    assert LATEX.text("<a|b>\n\nc") == r"\textless{}a\textbar{}b\textgreater{} c"
