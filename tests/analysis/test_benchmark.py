"""The command ``cammsr-benchmark``: killed and restarted, in parallel, failing; its progress."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

import recbole_cammsr
from recbole_cammsr.analysis import files, report_notes
from recbole_cammsr.analysis.benchmark import Outcome, run, tune, unequal_budgets
from recbole_cammsr.analysis.experiment import parse
from recbole_cammsr.analysis.job import TEST, TUNE, JobResult, TrainingJob
from recbole_cammsr.analysis.progress import Progress, duration
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.runner import Runner
from recbole_cammsr.analysis.store import ResultStore
from recbole_cammsr.analysis.tuning import trials
from recbole_cammsr.cli import benchmark

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])
REPEATABLE = ("results.csv", "trials.csv", "significance.csv", "breakdown.csv", "report.md")


def experiment(toy_path: Path) -> dict:
    return {
        "name": "toy",
        "datasets": {"toy": {"data_path": str(toy_path)}},
        "seeds": [1, 2],
        "settings": {
            **{"epochs": 2, "hidden_size": 8, "inner_size": 8, "gpu_id": ""},
            **{"load_col": {"inter": ["user_id", "item_id", "timestamp"]}},
            **{"metrics": ["NDCG", "Recall"], "topk": [5, 10], "valid_metric": "NDCG@10"},
        },
        "models": {
            "ours": {
                "model": "CAMMSR",
                "settings": {"modalities": ["text"], "category_field": "genre"},
                "grid": {"learning_rate": [0.01, 0.001]},
            },
            "Pop": None,
        },
        "tuning": {"trials": 2, "settings": {"epochs": 1}},
    }


def start(folder: Path, output: str, *arguments: str) -> subprocess.Popen:
    path = os.pathsep.join(p for p in (ROOT, os.environ.get("PYTHONPATH", "")) if p)
    return subprocess.Popen(
        [
            *[sys.executable, "-m", "recbole_cammsr.cli.benchmark", "--experiment=plan.yaml"],
            *[f"--output={output}", "--threads=1", *arguments],
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")
@pytest.mark.usefixtures("jobs_in_this_process")
def test_killed_and_restarted_it_finishes_with_the_same_files(tmp_path, toy_path, capsys):
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(experiment(toy_path), sort_keys=False))
    killed = start(tmp_path, "restarted")
    jobs = tmp_path / "restarted" / "jobs"
    deadline = time.monotonic() + 300
    while not list(jobs.glob("toy/*.json")):  # one job is done, the next one under way
        assert killed.poll() is None, killed.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)
    workers = psutil.Process(killed.pid).children()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    while any(map(is_alive, workers)):  # a worker does not outlive the command
        assert time.monotonic() < deadline
        time.sleep(0.1)
    done = {path.name: path.stat().st_mtime_ns for path in jobs.glob("toy/*.json")}
    assert 1 <= len(done) < 6

    restarted = start(tmp_path, "restarted", "--jobs=2")
    output, log = restarted.communicate(timeout=600)
    assert restarted.returncode == 0, log
    assert "have been done before" in log
    assert " left" in log
    assert "Pop tries 1 of 2 combinations: it has no grid" in log
    assert not (tmp_path / "restarted" / "scratch").exists()  # nor what the kill left behind
    for name, moment in done.items():
        assert (jobs / "toy" / name).stat().st_mtime_ns == moment
    assert "ours over the best other" in output

    # the same in one go, one at a time and in one process
    code = benchmark.main(["--experiment=plan.yaml", "--output=whole", "--threads=1"])
    assert code == 0, capsys.readouterr().err
    for name in REPEATABLE:
        one, two = ((tmp_path / run / name).read_text() for run in ("restarted", "whole"))
        if name == "report.md":
            one, two = (text.split("```")[2] for text in (one, two))  # the command differs
        assert one == two, name
    results = (tmp_path / "whole" / "results.csv").read_text().splitlines()
    assert results[0] == "dataset,model,seed,split,metric,value"
    assert len(results) == 1 + 2 * 2 * 2 * 4  # models, seeds, splits, metrics
    assert (tmp_path / "whole" / "table.tex").read_text().count(r"\textbf") >= 1
    assert "| ours |" in (tmp_path / "whole" / "efficiency.md").read_text()
    # the table's column of validation is the mean of what the runs reported
    lines = (tmp_path / "whole" / "report.md").read_text().splitlines()
    assert "| model | valid NDCG@10 |" in "\n".join(lines)
    row = next(line for line in lines if line.startswith("| ours | "))
    valid = [
        float(line.rsplit(",", 1)[1])
        for line in results
        if line.startswith("toy,ours,") and ",valid,ndcg@10," in line
    ]
    assert len(valid) == 2
    assert row.split(" | ")[1].startswith(f"{sum(valid) / 2:.4f} ± ")
    chosen = (tmp_path / "whole" / "chosen" / "toy" / "ours.yaml").read_text()
    assert yaml.safe_load(chosen)["learning_rate"] in (0.01, 0.001)
    assert "run_recbole --model=CAMMSR --dataset=toy --protocol --seed=1 --config_files=" in chosen


def test_tuning_with_several_seeds_chooses_by_the_mean(tmp_path):
    plan = parse(
        {
            "datasets": ["toy"],
            "seeds": [1],
            "models": {"Pop": {"grid": {"learning_rate": [0.1, 0.2, 0.3]}}},
            "tuning": {"trials": 3, "seed": [0, 5]},
        }
    )
    store = ResultStore(tmp_path)
    # the first of equal means wins
    scores = {0.1: (0.9, 0.1), 0.2: (0.5, 0.75), 0.3: (0.375, 0.875)}
    for rate, values in scores.items():
        for seed, value in zip((0, 5), values):
            job = TrainingJob("Pop", "toy", seed, {"learning_rate": rate}, "tune")
            valid = {"ndcg@10": value}
            store.save(JobResult(job, valid, {}, "ndcg@10", True, 1, 1, {}, "code"), None)
    shown = []
    tried, failures = tune(plan, Runner(store, show=shown.append))
    assert failures == []
    assert shown == ["6 of 6 runs have been done before"]
    assert [trial.score for trial in tried] == pytest.approx([0.5, 0.625, 0.625])
    assert [trial.combination["learning_rate"] for trial in tried if trial.chosen] == [0.2]
    assert [result.job.seed for result in tried[0].results] == [0, 5]


def test_runs_have_the_values_that_were_chosen_and_the_damage_of_their_row(tmp_path):
    """Over what the file says of the same settings; and they come in the order of the tables."""
    grid = {"learning_rate": [0.1, 0.2, 0.3, 0.4, 0.5], "weight_decay": [0.0, 0.1]}
    row = {"settings": {"learning_rate": 7.0, "epochs": 3}, "grid": grid}
    plan = parse(
        {
            "datasets": ["one", "two"],
            "seeds": [1, 2],
            "models": {
                "tuned": {"model": "BPR", "corruption": {"missing": 0.5}, **row},
                "Pop": None,
            },
            "tuning": {
                "trials": 4,
                "seed": [5, 0],
                "settings": {"learning_rate": 8.0, "epochs": 1},
            },
        }
    )
    store, made = ResultStore(tmp_path), []
    users, numbers = np.array(["u0"]), np.array([1])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array([""]))

    class Making(Runner):
        def run(self, jobs, titles):
            for job in jobs:
                made.append(job)
                score = job.settings.get("learning_rate", 0.0)
                result = JobResult(job, {"ndcg@10": score}, {}, "ndcg@10", True, 1, 1, {}, "code")
                store.save(result, ranks)
            return {}

    outcome = run(plan, Making(store))
    drawn = trials(grid, 4, 5)
    assert [dict(one.combination) for one in outcome.trials] == [*drawn, *drawn]  # of each data set
    tuning = [job for job in made if job.stage == TUNE]
    assert len(tuning) == 2 * 4 * 2
    for job in tuning:
        assert {name: job.settings[name] for name in grid} in drawn
        assert job.settings["epochs"] == 1
    best = max(drawn, key=lambda combination: combination["learning_rate"])
    for one in outcome.runs:
        if one.contender == "tuned":
            found = one.result.job.settings
            assert {name: found[name] for name in (*grid, "epochs")} == {**best, "epochs": 3}
    for job in made:
        assert dict(job.corruption) == ({"missing": 0.5} if job.model == "BPR" else {})
    assert [(one.dataset, one.contender, one.seed) for one in outcome.runs] == [
        (dataset, label, seed)
        for dataset in ("one", "two")
        for label in ("tuned", "Pop")
        for seed in (1, 2)
    ]


def test_a_model_that_lost_a_trial_is_not_tested(tmp_path):
    """With it another combination might be chosen next time, and the test split be asked twice."""
    plan = parse(
        {
            "datasets": ["toy"],
            "seeds": [1],
            "models": {
                "whole": {"model": "Pop", "grid": {"learning_rate": [0.1, 0.2]}},
                "lost": {"model": "Pop", "grid": {"learning_rate": [0.2, 0.3]}},
                "too": {"model": "Pop", "grid": {"learning_rate": [0.3, 0.2]}},
            },
            "tuning": {"trials": 2, "seed": [0]},
        }
    )
    store = ResultStore(tmp_path)
    for rate in (0.1, 0.2):
        job = TrainingJob("Pop", "toy", 0, {"learning_rate": rate}, "tune")
        store.save(JobResult(job, {"ndcg@10": rate}, {}, "ndcg@10", True, 1, 1, {}, "code"), None)

    class Failing(Runner):
        def run(self, jobs, titles):
            self.titles = titles
            return {
                job.fingerprint: "out of memory" for job in jobs if not self.store.is_finished(job)
            }

    tried, failures = tune(plan, Failing(store))
    chosen = {trial.contender: trial.combination for trial in tried if trial.chosen}
    assert chosen == {"whole": {"learning_rate": 0.2}}
    both = "tuning lost on toy, learning_rate=0.3; tuning too on toy, learning_rate=0.3"
    assert f"{both}: out of memory" in failures
    for label in ("lost", "too"):
        (said,) = [text for text in failures if text.startswith(f"{label} on toy is not tested")]
        assert "1 of its combinations failed" in said
    assert len(failures) == 3


def test_a_row_whose_tuning_failed_is_not_run_with_what_the_file_says(tmp_path):
    """Beside the others it would be a model that was not tuned."""
    models = {
        "lost": {"model": "BPR", "grid": {"learning_rate": [0.1, 0.2]}},
        "small": {"model": "Pop", "grid": {"learning_rate": [0.1]}},
        "exact": {"model": "SASRec", "grid": {"learning_rate": [0.1, 0.2]}},
    }
    plan = parse({"datasets": ["toy"], "seeds": [1], "models": models, "tuning": {"trials": 2}})
    assert unequal_budgets(plan) == [
        "small tries 1 of 2 combinations: its grid has no more",
    ]
    store, tested = ResultStore(tmp_path), []
    users, numbers = np.array(["u0"]), np.array([1])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array([""]))

    class Failing(Runner):
        def run(self, jobs, titles):
            tested.extend(job.model for job in jobs if job.stage == TEST)
            failed = [job for job in jobs if job.model == "BPR"]
            for job in (job for job in jobs if job not in failed):
                result = JobResult(job, {"ndcg@10": 0.1}, {}, "ndcg@10", True, 1, 1, {}, "code")
                store.save(result, ranks)
            return {job.fingerprint: "killed" for job in failed}

    outcome = run(plan, Failing(store))
    assert tested == ["Pop", "SASRec"]
    assert {label for _, label in outcome.chosen} == {"small", "exact"}
    assert {one.contender for one in outcome.runs} == {"small", "exact"}
    said = "\n".join(outcome.failures)
    assert "lost on toy is not tested: 2 of its combinations failed" in said
    assert "nothing is tested on toy, since the reference lost is not in its table" in said


def test_a_row_that_lost_a_seed_keeps_its_other_runs(tmp_path):
    plan = parse({"datasets": ["toy"], "seeds": [1, 2, 3], "models": ["Pop", "BPR", "SASRec"]})
    store = ResultStore(tmp_path)
    users, numbers = np.array(["u0"]), np.array([1])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array([""]))
    lost = {("Pop", 2), *(("SASRec", seed) for seed in plan.seeds)}

    class Failing(Runner):
        def run(self, jobs, titles):
            failed = [job for job in jobs if (job.model, job.seed) in lost]
            for job in (job for job in jobs if job not in failed):
                result = JobResult(job, {"ndcg@10": 0.1}, {}, "ndcg@10", True, 1, 1, {}, "code")
                store.save(result, ranks)
            return {job.fingerprint: "killed" for job in failed}

    outcome = run(plan, Failing(store))
    assert [(one.contender, one.seed) for one in outcome.runs] == [
        ("BPR", 1),
        ("BPR", 2),
        ("BPR", 3),
    ]
    assert [(one.contender, one.seed) for one in outcome.incomplete] == [("Pop", 1), ("Pop", 3)]
    said = "\n".join(outcome.failures)
    assert "Pop on toy is not in the tables: 1 of its 3 seeds failed (`results.csv` and" in said
    assert "SASRec on toy is not in the tables: the runs of all 3 seeds failed; run the" in said
    assert "nothing is tested on toy, since the reference Pop is not in its table" in said
    lost.clear()
    assert run(plan, Failing(store)).failures == []


def test_the_report_of_another_experiment_is_not_replaced_unsaid(tmp_path, capsys, monkeypatch):
    from recbole_cammsr.analysis import benchmark as runs

    monkeypatch.setattr(runs, "run", lambda plan, runner: runs.Outcome([], [], {}, []))
    (tmp_path / "out").mkdir()
    for written, warned in (("mine", False), ("yours", True)):
        (tmp_path / "out" / "report.md").write_text(f"# {written}\n\nthe rest\n")
        plan = {"name": "mine", "datasets": ["ml-100k"], "seeds": [1], "models": ["Pop"]}
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
        arguments = [f"--experiment={tmp_path / 'plan.yaml'}", f"--output={tmp_path / 'out'}"]
        assert benchmark.main(arguments) == 0
        error = capsys.readouterr().err
        assert ("is of the experiment 'yours'" in error) == warned


def test_checkpoints_that_cannot_be_kept_any_more_are_named(tmp_path):
    store, shown = ResultStore(tmp_path), []
    jobs = [TrainingJob("Pop", "toy", seed, {}, stage) for seed in (1, 2) for stage in (TEST, TUNE)]
    users, numbers = np.array(["u0"]), np.array([1])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array([""]))
    for job in jobs:
        store.save(JobResult(job, {"ndcg@10": 0.1}, {}, "ndcg@10", True, 1, 1, {}, "code"), ranks)
    kept = store.checkpoint_path(jobs[0])
    kept.parent.mkdir(parents=True)
    kept.touch()
    Runner(store, show=shown.append).run(jobs, {})
    assert shown == ["4 of 4 runs have been done before"]
    Runner(store, keep_checkpoints=True, show=shown.append).run(jobs, {})
    (warning,) = shown[2:]
    assert "1 of these left no checkpoint" in warning
    assert str(store.result_path(jobs[2])) in warning


def test_a_failing_run_is_one_sentence_and_the_others_are_reported(
    tmp_path, toy_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plan = {**experiment(toy_path), "seeds": [1], "tuning": {}}
    settings = {"modalities": ["text"], "category_field": "nowhere"}
    plan["models"] = {"Pop": None, "wrong": {"model": "CAMMSR", "settings": settings}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    code = benchmark.main(["--experiment=plan.yaml", "--output=out", "--threads=1"])
    output = capsys.readouterr()
    assert code == 1
    assert re.search(r"FAILED, .*'nowhere'", output.err)
    assert "Traceback" not in output.err
    assert "| Pop |" in output.out
    assert "**Failed:** wrong on toy, seed 1" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name the experiment"),
        (["--experiment=none"], "this package ships"),
        (["--experiment=example"], "--output="),
        (["--experiment=example", "--output=x", "--jobs=0"], "--jobs must be at least 1"),
        (["--experiment=example", "--output=x", "--epoch=1"], "did you mean --epochs"),
    ],
)
def test_wrong_usage(arguments, says, capsys):
    assert benchmark.main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_result_of_another_job_is_refused(tmp_path):
    store = ResultStore(tmp_path)
    job = TrainingJob("Pop", "toy", 1)
    files.write_json(store.result_path(job), {"fingerprint": "other", "job": job.to_json()})
    with pytest.raises(ValueError, match="delete it and rerun") as caught:
        store.load(job)
    assert "\n" not in str(caught.value)
    store.result_path(job).write_text("{")
    with pytest.raises(ValueError, match="delete it and rerun"):
        store.load(job)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (None, "its whole content is None"),
        ({"valid": None}, "its 'valid' is None, not an object"),
        ({"cost": [1]}, r"its 'cost' is \[1\], not an object"),
        ({"valid": {"ndcg@10": None}}, "its metric 'ndcg@10' is None, not a number"),
        ({"more": 1}, "not the result of a job"),
    ],
)
def test_a_result_that_is_none_is_named(tmp_path, changes, says):
    store = ResultStore(tmp_path)
    job = TrainingJob("Pop", "toy", 1)
    whole = JobResult(job, {"ndcg@10": 0.5}, {}, "ndcg@10", True, 1, 1, {}, "code").to_json()
    files.write_json(store.result_path(job), None if changes is None else {**whole, **changes})
    with pytest.raises(ValueError, match=f"{job.name}.json cannot be used: .*{says}.*delete it"):
        store.load(job)


def test_all_results_are_read_or_the_damaged_one_is_named(tmp_path):
    store = ResultStore(tmp_path)
    assert list(store.results()) == []
    kept = [
        JobResult(TrainingJob(*which), {"ndcg@10": 0.5}, {}, "ndcg@10", True, 1, 1, {}, "code")
        for which in (("Pop", "one", 1), ("Pop", "toy", 1), ("Pop", "toy", 2))
    ]
    for result in kept:
        store.save(result, None)
    assert list(store.results()) == kept
    damaged = store.result_path(kept[1].job)
    damaged.write_text("{")
    with pytest.raises(ValueError, match=f"{damaged.name} cannot be used.*delete it and rerun"):
        list(store.results())


def test_the_fingerprint_is_that_of_the_content():
    job = TrainingJob("Pop", "toy", 1, {"a": 1, "b": [2]})
    assert job.fingerprint == TrainingJob("Pop", "toy", 1, {"b": [2], "a": 1}).fingerprint
    assert TrainingJob.from_json(json.loads(json.dumps(job.to_json()))) == job
    others = [
        TrainingJob("Pop", "toy", 2, {"a": 1, "b": [2]}),
        TrainingJob("Pop", "toy", 1, {"a": 1, "b": [3]}),
        TrainingJob("Pop", "toy", 1, {"a": 1, "b": [2]}, "tune"),
        TrainingJob("Pop", "toy", 1, {"a": 1, "b": [2]}, corruption={"missing": 0.1}),
    ]
    assert len({one.fingerprint for one in [job, *others]}) == 5


def test_object_arrays_are_never_written(tmp_path):
    with pytest.raises(ValueError, match="dtype object"):
        files.write_arrays(tmp_path / "x.npz", {"a": np.array([{}], dtype=object)})
    assert not list(tmp_path.iterdir())


def test_time_left_is_estimated_from_runs_of_the_same_model():
    jobs = [TrainingJob(model, "toy", seed) for model in ("slow", "fast") for seed in (1, 2, 3)]
    progress = Progress(jobs, parallel=2)
    assert progress.seconds_left(jobs, []) is None
    progress.finished(jobs[0], 100.0)
    progress.finished(jobs[3], 10.0)
    # waiting: slow, fast; running: slow for 40 s, fast for 99 s (over its time)
    left = progress.seconds_left([jobs[2], jobs[5]], [(jobs[1], 40.0), (jobs[4], 99.0)])
    assert left == pytest.approx((100 + 10 + 60 + 0) / 2)
    assert progress.line("x", "y", 5, [], []) == "[2/6] x: y (5 s)"


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8 s"), (312, "5 min 12 s"), (11_220, "3 h 07 min")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_trial_that_diverged_is_the_worst_and_not_made_again(tmp_path):
    models = {
        "some": {"model": "Pop", "grid": {"learning_rate": [9.0, 0.2]}},
        "all": {"model": "Pop", "grid": {"learning_rate": [9.0, 8.0]}},
    }
    plan = parse({"datasets": ["toy"], "seeds": [1], "models": models, "tuning": {"trials": 2}})
    store, shown = ResultStore(tmp_path), []
    for rate in (9.0, 8.0, 0.2):
        job = TrainingJob("Pop", "toy", 0, {"learning_rate": rate}, TUNE)
        said = "Training loss is nan" if rate > 1 else ""
        valid = {} if said else {"rmse": 3.0}
        result = JobResult(job, valid, {}, "rmse", False, 1, 1, {}, "code", {}, said)
        store.save(result, None)
        assert store.load(job) == result
    runner = Runner(store, show=shown.append)
    tried, failures = tune(plan, runner)
    assert shown == ["3 of 3 runs have been done before"]
    chosen = {trial.contender: trial.combination for trial in tried if trial.chosen}
    assert chosen == {"some": {"learning_rate": 0.2}}
    (said,) = failures
    assert said.startswith("all on toy is not tested: the loss or the scores of all")
    line = runner._outcome(tried[0].results[0])
    assert line.startswith("counts as the worst, Training loss is nan (log: ")
    page = report_notes.notes(plan, Outcome(tried, [], {}, failures), [])
    assert (
        "Note: on toy, the combination learning_rate=9.0 of some counts as the worst: Training "
        "loss is nan."
    ) in page
    assert "gave the same validation score" not in page


def test_what_killed_runs_left_goes_and_the_same_name_of_two_lines_warns_of_nothing(
    tmp_path, capsys, monkeypatch
):
    from recbole_cammsr.analysis import benchmark as runs
    from recbole_cammsr.analysis import folder_lock

    monkeypatch.setattr(runs, "run", lambda plan, runner: Outcome([], [], {}, []))
    left = tmp_path / "out" / "scratch" / "ml-100k" / "GRU4Rec-test-seed1-0"
    left.mkdir(parents=True)
    (left / "large.pth").touch()
    plan = {"name": "two\nlines\n", "datasets": ["ml-100k"], "seeds": [1]}
    plan["models"] = {"a": {"model": "BPR"}, "b": {"model": "BPR", "settings": {"reg_weight": 1}}}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    arguments = [f"--experiment={tmp_path / 'plan.yaml'}", f"--output={tmp_path / 'out'}"]
    for _ in range(2):
        assert benchmark.main(arguments) == 0
        assert "warning" not in capsys.readouterr().err
    assert left.exists() == (folder_lock.fcntl is None)
    assert benchmark.main([*arguments, "--reg_weight=2"]) == 0
    assert "warning: on ml-100k, a and b have the same model" in capsys.readouterr().err
