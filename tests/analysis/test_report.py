"""The files of a report: what is written where runs fail, and what of an earlier one goes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from recbole_cammsr.analysis import report
from recbole_cammsr.analysis.benchmark import Outcome, Run, Trial
from recbole_cammsr.analysis.experiment import parse
from recbole_cammsr.analysis.job import JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks, per_user
from recbole_cammsr.analysis.summary import compare


def plan(*labels, metrics=None):
    models = [(label, {"model": label.partition(" ")[0]}) for label in labels]
    content = {"name": "mine", "datasets": ["toy"], "seeds": [1], "models": dict(models)}
    return parse({**content, **({"metrics": metrics} if metrics else {})})


def run_of(label, **test):
    users, numbers = np.array(["u0", "u1"]), np.array([1, 2])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array(["a", ""]))
    job = TrainingJob(label, "toy", 1)
    test = {"ndcg@10": 0.5, **{name.replace("_", "@"): value for name, value in test.items()}}
    result = JobResult(job, {"ndcg@10": 0.1}, test, "ndcg@10", True, 3, 2, {}, "code")
    return Run(label, "toy", 1, result, ranks)


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


FAILURE = "Pop on toy, seed 1: it was killed"
PICTURES = {"results.png", "breakdown.png"}
OF_RUNS = {"results.csv", "timings.csv", "significance.csv", "breakdown.csv"}


@pytest.mark.parametrize("metrics", [None, ["NDCG@10"]])
def test_where_all_fail_the_page_says_so(tmp_path, metrics):
    """Also with columns, which are known without runs; nothing is in their pictures, though."""
    experiment = plan("Pop", metrics=metrics)
    text = report.write(experiment, Outcome([], [], {}, [FAILURE]), tmp_path, "the command")
    page = (tmp_path / "report.md").read_text()
    assert page.startswith("# mine\n\n```\nthe command\n```\n")
    assert f"**Failed:** {FAILURE}." in page
    assert text == "no contender finished all of its runs"
    assert text in page
    assert "Mean ±" not in page
    assert "\n\n\n" not in page
    assert names(tmp_path) == {"report.md", "trials.csv"}


@pytest.mark.parametrize("others", [[], ["BPR"]])
def test_runs_of_a_row_that_is_in_no_table_are_kept(tmp_path, others):
    sentence = "Pop on toy is not in the tables: 1 of its 2 seeds failed"
    runs = [run_of(label) for label in others]
    outcome = Outcome([], runs, {}, [sentence], [run_of("Pop")])
    report.write(plan("Pop", *others), outcome, tmp_path, "command")
    for name in ("results.csv", "timings.csv"):
        assert "toy,Pop,1," in (tmp_path / name).read_text()
    assert names(tmp_path) >= {"results.csv", "timings.csv", "report.md"}
    assert (tmp_path / "breakdown.csv").exists() == bool(others)
    page = (tmp_path / "report.md").read_text()
    assert f"**Failed:** {sentence}." in page
    assert "| Pop |" not in page


def test_the_table_of_costs_says_whose_memory_it_has(tmp_path):
    """A result of an earlier version does not know."""
    earlier = run_of("Pop")
    known = dataclasses.replace(run_of("SASRec").result, memory_of="device")
    runs = [earlier, dataclasses.replace(run_of("SASRec"), result=known)]
    report.write(plan("Pop", "SASRec"), Outcome([], runs, {}, []), tmp_path, "command")
    header, *rows = (tmp_path / "timings.csv").read_text().splitlines()
    assert header.endswith(",peak_memory_of")
    assert [row.rpartition(",")[2] for row in rows] == ["", "device"]


def test_the_csv_files_have_every_number_in_its_column(tmp_path):
    """Read back and compared with the runs, the trials and the comparisons."""
    rng = np.random.default_rng(0)
    runs, users = [], np.array([f"u{number:02d}" for number in range(40)])
    for label, worst in (("ours", 9), ("theirs", 14), ("weak", 40)):
        for seed in (1, 2):
            rank = rng.integers(1, worst, 40)
            ranks = UserRanks(users, users, rank, rank, rank, np.full(40, ""))
            test = {"mrr@10": per_user("mrr@10", rank).mean(), "other": rng.random()}
            job = TrainingJob("Pop", "toy", seed)
            valid = {"mrr@10": rng.random(), "hit@5": rng.random()}
            cost = {"parameters": seed, "epoch_seconds": rng.random()}
            result = JobResult(job, valid, test, "mrr@10", True, 3 + seed, seed, cost, "code")
            runs.append(Run(label, "toy", seed, result, ranks))
    trials = [
        Trial("ours", "toy", number, {"a": number}, [run.result for run in runs[:2]], number == 1)
        for number in (0, 1)
    ]
    models = {label: {"model": "Pop"} for label in ("ours", "theirs", "weak")}
    experiment = parse({"datasets": ["toy"], "seeds": [1, 2], "models": models})
    report.write(experiment, Outcome(trials, runs, {}, []), tmp_path, "command")

    def read(name):
        return pd.read_csv(tmp_path / name, keep_default_na=False).to_dict("records")

    compared = compare(runs, "mrr@10", "ours")
    assert len(read("significance.csv")) == len(compared) == 2
    assert all(len({*one.test[1:3], one.t_holm, one.wilcoxon_holm}) == 4 for one in compared[1:])
    for row, one in zip(read("significance.csv"), compared):
        assert row == {
            **{"dataset": "toy", "metric": "mrr@10", "reference": "ours", "model": one.other},
            **{"users": 40, "difference": pytest.approx(one.test.difference)},
            "improvement": pytest.approx(one.improvement),
            **{"t_p": pytest.approx(one.test.t_p), "t_p_holm": pytest.approx(one.t_holm)},
            "wilcoxon_p": pytest.approx(one.test.wilcoxon_p),
            "wilcoxon_p_holm": pytest.approx(one.wilcoxon_holm),
            "seeds_p": pytest.approx(one.seeds_p),
        }
    expected = {
        (run.contender, run.seed, split, metric): value
        for run in runs
        for split, values in (("valid", run.result.valid), ("test", run.result.test))
        for metric, value in values.items()
    }
    found = {
        (row["model"], row["seed"], row["split"], row["metric"]): row["value"]
        for row in read("results.csv")
    }
    assert found == pytest.approx(expected)

    def of_valid(run):
        return pytest.approx(run.result.valid["mrr@10"])

    found = [tuple(row.values()) for row in read("trials.csv")]
    assert found == [
        (*("toy", "ours", n, f'{{"a": {n}}}', run.seed, "mrr@10"), of_valid(run), n == 1)
        for n in (0, 1)
        for run in runs[:2]
    ]
    for row, run in zip(read("timings.csv"), runs):
        assert (row["model"], row["seed"], row["parameters"]) == (run.contender, run.seed, run.seed)
        assert (row["epochs"], row["best_epoch"]) == (3 + run.seed, run.seed)
        assert row["epoch_seconds"] == pytest.approx(run.result.cost["epoch_seconds"])


def test_tables_pictures_and_settings_of_an_earlier_report_go(tmp_path):
    pytest.importorskip("matplotlib")
    chosen = {("toy", "Pop"): {"a": 1}, ("toy", "SASRec (0.5)"): {"a": 2}}
    both = plan("Pop", "SASRec (0.5)")
    runs = [run_of("Pop"), run_of("SASRec (0.5)")]
    report.write(both, Outcome([], runs, chosen, []), tmp_path, "command")
    before = names(tmp_path)
    assert {"table.tex", "report.md", *PICTURES} <= before
    written = {name for name in before if name.startswith("chosen")}
    assert len(written) == 2

    for kept in ("mine.yaml", "notes.md", "chosen/toy/mine.yaml", "curve.png"):
        (tmp_path / kept).write_text("learning_rate: 0.1\n")
    (tmp_path / "chosen" / "gone").mkdir()
    old = "# Pop: the configuration chosen on validation, for --config_files\na: 1\n"
    (tmp_path / "chosen" / "gone" / "Pop.yaml").write_text(old)
    chosen = {("toy", "Pop"): {"a": 3}}
    report.write(plan("Pop"), Outcome([], [], chosen, [FAILURE]), tmp_path, "command")
    gone = written - {"chosen/toy/Pop.yaml"} | {"table.tex", *PICTURES, *OF_RUNS}
    own = {"mine.yaml", "notes.md", "chosen/toy/mine.yaml", "curve.png"}
    assert names(tmp_path) == before - gone | own
    assert not (tmp_path / "chosen" / "gone").exists()
    assert "0.5" not in (tmp_path / "report.md").read_text()
    assert "a: 3" in (tmp_path / "chosen" / "toy" / "Pop.yaml").read_text()


def test_a_metric_whose_smallest_value_is_best_is_named(tmp_path):
    runs = [run_of("Pop", giniindex_10=0.9), run_of("BPR", giniindex_10=0.3)]
    experiment = plan("Pop", "BPR", metrics=["GiniIndex@10", "NDCG@10"])
    text = report.write(experiment, Outcome([], runs, {}, []), tmp_path, "command")
    assert "| GiniIndex@10 | NDCG@10 |" in text
    assert "| BPR | 0.1000 | **0.3000** |" in text
    assert "| Pop over the best other |  | -200.0 % |" in text
    page = (tmp_path / "report.md").read_text()
    assert "Of GiniIndex@10 the smallest value is best, and an improvement is a decrease." in page
    report.write(plan("Pop"), Outcome([], runs[:1], {}, []), tmp_path / "b", "command")
    assert "smallest" in (tmp_path / "b" / "report.md").read_text()
    plain = [run_of("Pop"), run_of("BPR")]
    report.write(plan("Pop", "BPR"), Outcome([], plain, {}, []), tmp_path / "c", "command")
    assert "smallest" not in (tmp_path / "c" / "report.md").read_text()


def test_settings_of_a_damaged_row_say_that_their_command_damages_nothing(tmp_path):
    models = {
        "damaged": {"model": "Pop", "corruption": {"category_noise": 0.3, "missing": 0.5}},
        "whole": {"model": "Pop", "corruption": {"missing": 0}},
    }
    experiment = parse({"datasets": ["toy"], "seeds": [1], "models": models})
    chosen = {("toy", label): {"a": 1} for label in models}
    report.write(experiment, Outcome([], [], chosen, [FAILURE]), tmp_path, "command")
    run = (
        "#   run_recbole --model=Pop --dataset=toy --protocol --seed=1 --config_files=<this file>\n"
        "a: 1\n"
    )
    assert (tmp_path / "chosen" / "toy" / "damaged.yaml").read_text() == (
        "# damaged: the configuration chosen on validation\n"
        "# The row's runs read damaged data: category_noise 0.3, missing 0.5. "
        f"With these settings, but without the damage, a run is\n{run}"
    )
    assert (tmp_path / "chosen" / "toy" / "whole.yaml").read_text() == (
        f"# whole: the configuration chosen on validation; a run of it is\n{run}"
    )
    report.write(plan("Pop"), Outcome([], [], {}, [FAILURE]), tmp_path, "command")
    assert not (tmp_path / "chosen" / "toy").exists()  # known as settings of a report


def test_a_column_that_only_failed_runs_had_is_left_out():
    runs = [run_of("Pop")]
    assert report.columns(plan("Pop", metrics=["NDCG@20", "NDCG@10"]), runs) == ["ndcg@10"]
    assert report.columns(plan("Pop", metrics=["NDCG@20"]), runs) == ["ndcg@10"]


def test_a_grid_that_changed_nothing_is_named(tmp_path):
    """RecBole's models take settings that they do not read without a word."""
    run = run_of("Pop")
    trials = [Trial("Pop", "toy", n, {"dropout_prob": n / 10}, [run.result], not n) for n in (0, 1)]
    report.write(plan("Pop"), Outcome(trials, [run], {}, []), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    assert "on toy, all 2 combinations of Pop gave the same validation score" in page


def test_a_grid_without_validation_is_not_said_to_have_scored(tmp_path):
    run = run_of("Pop")
    result = dataclasses.replace(run.result, valid={})
    trials = [Trial("Pop", "toy", n, {"dropout_prob": n / 10}, [result], not n) for n in (0, 1)]
    report.write(plan("Pop"), Outcome(trials, [run], {}, []), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    assert "same validation score" not in page
    assert "none of the 2 combinations of Pop was validated, so the first one was taken" in page


def test_users_with_several_test_rows_are_named(tmp_path):
    one = run_of("Pop")
    twice = one.ranks._replace(user=np.array(["u0", "u0"]))
    runs = [dataclasses.replace(one, ranks=twice)]
    report.write(plan("Pop"), Outcome([], runs, {}, []), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    assert "on toy, 1 users have 2 test rows: the tables and breakdowns are means over" in page
    assert "| popularity | test rows | Pop |" in page
    assert "test_rows" in (tmp_path / "breakdown.csv").read_text().splitlines()[0]
    report.write(plan("Pop"), Outcome([], [one], {}, []), tmp_path, "command")
    assert "users have" not in (tmp_path / "report.md").read_text()


def test_one_seed_has_no_deviation(tmp_path):
    report.write(plan("Pop"), Outcome([], [run_of("Pop")], {}, []), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    assert "One run of every row, with seed 1; best bold" in page
    assert "deviation" not in page
    assert r"\caption{mine: one seed}" in (tmp_path / "table.tex").read_text()
    runs = [run_of("Pop"), run_of("BPR")]
    both = report.write(plan("Pop", "BPR"), Outcome([], runs, {}, []), tmp_path, "command")
    assert "NDCG@10 of a single seed" in both
    assert "averaged over seeds" not in both
    assert "both bear out" not in both


def test_a_table_of_some_categories_says_how_many_there_are(tmp_path):
    ranks, count = run_of("Pop").ranks, 14
    numbers, tokens = np.arange(1, count + 1), np.array([f"c{place}" for place in range(count)])
    many = ranks._replace(
        **dict.fromkeys(("user", "target", "category"), tokens),
        **dict.fromkeys(("rank", "history_length", "popularity"), numbers),
    )
    run = dataclasses.replace(run_of("Pop"), ranks=many)
    report.write(plan("Pop"), Outcome([], [run], {}, []), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    of_categories = page.partition("NDCG@10 by category")[2]
    assert of_categories.startswith("\n\nThe 12 most frequent of 14; `breakdown.csv` has all:\n\n|")
    assert page.count("most frequent") == 1


def test_labels_are_no_markup(tmp_path):
    label = "Pop <b> *x*"
    run = dataclasses.replace(run_of("Pop"), contender=label)
    report.write(plan(label, "BPR"), Outcome([], [run], {}, [f"{label}: why"]), tmp_path, "command")
    page = (tmp_path / "report.md").read_text()
    assert label not in page
    assert page.count(r"Pop \<b> \*x\*") > 3
