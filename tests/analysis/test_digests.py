"""Results of other data are refused, results of other code remarked on, wherever they stand."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from recbole_cammsr import default_settings, registry
from recbole_cammsr.analysis import digests, report
from recbole_cammsr.analysis.benchmark import Outcome, Run, Trial, run
from recbole_cammsr.analysis.experiment import parse
from recbole_cammsr.analysis.job import TUNE, JobResult, TrainingJob
from recbole_cammsr.analysis.ranks import UserRanks
from recbole_cammsr.analysis.runner import Runner
from recbole_cammsr.analysis.store import ResultStore


def ranks_of_two():
    users, numbers = np.array(["u0", "u1"]), np.array([1, 2])
    return UserRanks(users, users, numbers, numbers, numbers, np.array(["", ""]))


def result_of(toy_path, data, code="code", stage="test"):
    job = TrainingJob("Pop", "toy", 1, {"data_path": str(toy_path)}, stage)
    test = {} if stage == TUNE else {"ndcg@10": 0.1}
    return JobResult(job, {"ndcg@10": 0.1}, test, "ndcg@10", True, 1, 1, {}, code, data)


@pytest.fixture
def recorded(make_config, tmp_path, toy_path):
    """What a run with features within and outside of the data set's folder has read."""
    shutil.move(toy_path / "toy" / "toy.image.npz", tmp_path / "image.npz")
    config = make_config(modality_files={"image": str(tmp_path / "image.npz")})
    return result_of(toy_path, digests.data_digests(config))


def edit(path):
    """Another content of the same size and time."""
    status = os.stat(path)
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_the_files_that_a_run_reads_are_recorded(recorded, tmp_path):
    outside = str(tmp_path / "image.npz")
    assert set(recorded.data) == {"toy.inter", "toy.item", "toy.text.npz", outside}
    assert digests.changed_file(recorded) is None


@pytest.mark.parametrize("name", ["toy.inter", "toy.item", "toy.text.npz", "image.npz"])
def test_another_content_is_found_and_another_time_is_none(recorded, toy_path, tmp_path, name):
    path = toy_path / "toy" / name if name.startswith("toy") else tmp_path / name
    path.touch()
    assert digests.changed_file(recorded) is None
    digests._content_digest.cache_clear()  # a new command
    edit(path)
    assert digests.changed_file(recorded) == str(path)


def test_a_lost_file_has_changed_and_a_lost_folder_says_nothing(recorded, toy_path):
    (toy_path / "toy" / "toy.item").unlink()
    assert digests.changed_file(recorded) == str(toy_path / "toy" / "toy.item")
    shutil.rmtree(toy_path)
    assert digests.changed_file(recorded) is None


def test_features_of_any_size_are_digested(tmp_path):
    path = tmp_path / "x.npz"
    found = set()
    for size in (0, 1, 1000, 1 << 16, 10_000_000):
        path.write_bytes(np.random.default_rng(0).bytes(size))
        found.add(digests._digest_of(str(path)))
    path.write_bytes(np.random.default_rng(1).bytes(size))
    assert len(found | {digests._digest_of(str(path))}) == 6


def test_finished_runs_of_other_data_are_refused(recorded, toy_path, tmp_path):
    store, shown = ResultStore(tmp_path / "out"), []
    store.save(recorded, ranks_of_two())
    runner = Runner(store, show=shown.append)
    assert runner.run([recorded.job], {}) == {}
    assert shown == ["1 of 1 runs have been done before"]
    path = toy_path / "toy" / "toy.inter"
    path.write_text(path.read_text() + "u0\ti000\t1\n")
    with pytest.raises(ValueError, match=r"toy\.inter has changed since the result") as caught:
        runner.run([recorded.job], {})
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "out" / "jobs" / "toy") in str(caught.value)
    store.save(dataclasses.replace(recorded, data={}), None)  # of an earlier version
    assert runner.run([recorded.job], {}) == {}


class Training(Runner):
    """Instead of training, writes a result beside the data as they are, and edits these."""

    def __init__(self, store, data, edits):
        super().__init__(store, show=lambda line: None)
        self.data, self.edits = data, edits

    def _start(self, job):
        path = self.data / "toy" / "toy.inter"
        digest = digests._digest_of(str(path))
        valid = {"ndcg@10": 0.1}
        result = JobResult(
            job, valid, valid, "ndcg@10", True, 1, 1, {}, "code", {"toy.inter": digest}
        )
        self.store.save(result, ranks_of_two())
        if self.edits.pop(0):
            path.write_text(path.read_text() + "u0\ti000\t1\n")
        return subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)


def test_data_that_change_between_two_runs_end_the_command(toy_path, tmp_path):
    jobs = [TrainingJob("Pop", "toy", seed, {"data_path": str(toy_path)}) for seed in (1, 2, 3)]
    runner = Training(ResultStore(tmp_path / "out"), toy_path, [False, True, False])
    with pytest.raises(ValueError, match=r"toy\.inter has changed since the result"):
        runner.run(jobs, {})
    assert not runner.store.is_finished(jobs[2])
    with pytest.raises(ValueError, match=r"toy\.inter has changed since the result"):
        runner.run(jobs, {})


def test_data_that_change_between_tuning_and_testing_give_no_report(toy_path, tmp_path):
    settings = {"data_path": str(toy_path)}
    content = {"datasets": {"toy": settings}, "seeds": [1], "tuning": {"trials": 1}}
    plan = parse({**content, "models": {"Pop": {"grid": {"learning_rate": [0.1, 0.2]}}}})

    class Late(Training):
        def check_data(self, results):
            """Only of what has a test: the change is made after the last check of the tuning."""
            results = list(results)
            if any(result.job.stage == TUNE for result in results) and len(self.edits) == 1:
                path = self.data / "toy" / "toy.inter"
                path.write_text(path.read_text() + "u0\ti000\t1\n")
                return
            super().check_data(results)

    with pytest.raises(ValueError, match=r"toy\.inter has changed since the result .*tune"):
        run(plan, Late(ResultStore(tmp_path / "out"), toy_path, [False, False]))


def test_damaged_ranks_of_a_finished_run_are_known_before_the_next_run(recorded, tmp_path):
    store = ResultStore(tmp_path / "out")
    store.save(recorded, ranks_of_two())
    store.ranks_path(recorded.job).write_bytes(b"PK")
    waiting = dataclasses.replace(recorded.job, seed=2)
    with pytest.raises(ValueError, match="cannot be read"):
        Training(store, tmp_path / "data", []).run([waiting, recorded.job], {})


def test_an_earlier_result_has_no_digest_and_is_read(recorded):
    content = recorded.to_json()
    del content["data"]
    assert JobResult.from_json(content) == dataclasses.replace(recorded, data={})


@pytest.mark.parametrize("stage", ["test", "tune"])
def test_other_code_is_remarked_on_in_runs_and_in_trials(toy_path, tmp_path, stage):
    now = digests.code_digest("Pop")
    trained = result_of(toy_path, {}, "0ld" if stage == "test" else now)
    tried = result_of(toy_path, {}, "0ld" if stage == "tune" else now, TUNE)
    made = Run("Pop", "toy", 1, trained, ranks_of_two())
    outcome = Outcome([Trial("Pop", "toy", 0, {}, [tried], True)], [made], {}, [])
    plan = parse({"datasets": ["toy"], "seeds": [1], "models": ["Pop"]})
    report.write(plan, outcome, tmp_path / "out", "command")
    assert "0ld" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    "name", ["properties/dataset/ml-100k.yaml", "run/protocol.py", "model/settings.py"]
)
def test_the_code_digest_covers_the_protocol(tmp_path, monkeypatch, name):
    package = tmp_path / "package"
    shutil.copytree(os.path.dirname(os.path.realpath(registry.__file__)), package)
    shutil.copytree(default_settings.PROPERTIES, package / "properties", dirs_exist_ok=True)
    monkeypatch.setattr(registry, "__file__", str(package / "registry.py"))
    monkeypatch.setattr(default_settings, "PROPERTIES", str(package / "properties"))
    before = digests.code_digest("CAMMSR")
    assert digests.code_digest("CAMMSR") == before
    (package / name).write_text((package / name).read_text() + "# changed\n")
    assert digests.code_digest("CAMMSR") != before
