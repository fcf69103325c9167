"""What models cost: medians over seeds, a table and a picture for each data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recbole_cammsr.analysis import efficiency, report
from recbole_cammsr.analysis.benchmark import Outcome, Run
from recbole_cammsr.analysis.experiment import parse
from recbole_cammsr.analysis.job import JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks


def run_of(label, dataset, seed, memory_of="process", **cost):
    users, numbers = np.array(["u0", "u1"]), np.array([1, 2])
    ranks = UserRanks(users, users, numbers, numbers, numbers, np.array(["a", ""]))
    job = TrainingJob(label, dataset, seed)
    result = JobResult(job, {"ndcg@10": 0.1}, {"ndcg@10": 0.5}, "ndcg@10", True, 3, 2, cost, "code")
    result = replace(result, memory_of=memory_of)
    return Run(label, dataset, seed, result, ranks)


def test_medians_over_seeds_with_units(tmp_path):
    runs = [
        run_of(
            "Pop", "toy", seed, train_flops=flops, epoch_seconds=seconds, peak_memory_bytes=2**30
        )
        for seed, flops, seconds in ((1, 2e6, 1.0), (2, 4e6, 9.0), (3, 3.25e6, 2.0))
    ]
    text = efficiency.write(runs, "ndcg@10", tmp_path)
    assert "| Pop | - | - | 3.25 M | 2.0 | 1024 MiB | - | 2 |" in text
    assert text in (tmp_path / "efficiency.md").read_text()


@pytest.mark.parametrize(
    ("owners", "says", "says_not"),
    [
        (["process"], "that of the process", "GPU"),
        (["device"], "peak memory is what torch's allocator held on the GPU.", "process"),
        (["process", "device"], "of runs on a GPU, what torch's allocator", "earlier"),
        (["", "process"], "of runs on a GPU, what torch's allocator", "peak memory is that"),
        ([""], "Results of earlier versions", "peak memory is that"),
    ],
)
def test_the_page_says_whose_memory_it_shows(tmp_path, owners, says, says_not):
    runs = [run_of("Pop", "toy", seed, memory_of=owner) for seed, owner in enumerate(owners)]
    efficiency.write(runs, "ndcg@10", tmp_path)
    page = (tmp_path / "efficiency.md").read_text()
    assert says in page
    assert says_not not in page


def test_nothing_counted_is_no_figure_and_short_epochs_keep_two_digits(tmp_path):
    cost = {"score_flops": 0.0, "train_flops": 0.0, "epoch_seconds": 0.0412, "best_seconds": 0.5}
    text = efficiency.write([run_of("BPR", "toy", 1, **cost)], "ndcg@10", tmp_path)
    assert "| BPR | - | - | - | 0.041 | - | 0.50 | 2 |" in text


def test_data_sets_do_not_mix_and_earlier_pictures_go(tmp_path):
    pytest.importorskip("matplotlib")
    runs = [
        run_of("Pop", data, 1, epoch_seconds=seconds, best_seconds=1.0)
        for data, seconds in (("toy", 1.0), ("shop", 7.0))
    ]
    text = efficiency.write(runs, "ndcg@10", tmp_path)
    of_toy, of_shop = text.split("## shop")
    assert of_toy.startswith("## toy")
    assert "| 1.0 |" in of_toy
    assert "| 7.0 |" not in of_toy
    assert "| 7.0 |" in of_shop
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {"efficiency_toy.png", "efficiency_shop.png"}
    plan = parse({"datasets": ["toy"], "seeds": [1], "models": ["Pop"]})
    report.write(plan, Outcome([], [], {}, ["Pop on toy, seed 1: killed"]), tmp_path, "command")
    assert not list(tmp_path.glob("efficiency*"))


def test_a_picture_names_its_data_set_and_every_model_of_it(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawings = []
    monkeypatch.setattr(efficiency.figure, "save", lambda drawing, path: drawings.append(drawing))
    runs = [
        run_of("Pop", "toy", 1, epoch_seconds=1.0),  # has no best epoch
        run_of("SASRec", "toy", 1, epoch_seconds=2.0, best_seconds=9.0),
    ]
    efficiency.write(runs, "ndcg@10", tmp_path)
    assert drawings[0].get_suptitle().startswith("toy: ")
    legend = drawings[0].axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["Pop", "SASRec"]


def test_a_picture_of_runs_without_times_has_no_legend(tmp_path, recwarn):
    pytest.importorskip("matplotlib")
    efficiency.write([run_of("Pop", "toy", 1)], "ndcg@10", tmp_path)
    assert (tmp_path / "efficiency.png").is_file()
    assert not list(recwarn)


@pytest.mark.parametrize(("metric", "says"), [("ndcg@10", "up and"), ("giniindex@10", "down and")])
def test_a_picture_says_where_better_is(tmp_path, monkeypatch, metric, says):
    pytest.importorskip("matplotlib")
    drawings = []
    monkeypatch.setattr(efficiency.figure, "save", lambda drawing, path: drawings.append(drawing))
    efficiency.write([run_of("Pop", "toy", 1, epoch_seconds=1.0)], metric, tmp_path)
    assert f"({says} to the left is better)" in drawings[0].get_suptitle()
