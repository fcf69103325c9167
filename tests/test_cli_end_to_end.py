"""The commands as a user runs them, on a small made-up data set with two content modalities."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import recbole_cammsr
from recbole_cammsr.cli import run_recbole, run_recbole_group

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])
N_ITEMS = 40
COMMON = [
    "--dataset=tiny",
    "--config_files=tiny.yaml",
    "--show_progress=False",
    "--gpu_id=",  # the same numbers with and without an accelerator
]
CAMMSR = [*COMMON, "--model=CAMMSR", "--modalities=['text','image']", "--category_field=class"]
DATASET_SETTINGS = """
load_col:
  inter: [user_id, item_id, timestamp]
  item: [item_id, class]
hidden_size: 16
inner_size: 32
metrics: [Recall, NDCG]
topk: [5, 10]
valid_metric: NDCG@10
"""
LOAD_AND_EVALUATE = """
import sys
from recbole.quick_start import load_data_and_model
from recbole.utils import get_trainer

config, model, _, train, valid, test = load_data_and_model(sys.argv[1])
trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
trainer.eval_collector.data_collect(train)
for name, split in (("valid", valid), ("test", test)):
    for metric, value in trainer.evaluate(split, load_best_model=False).items():
        print(f"{name} {metric} {value:.4f}")
"""
RUN_BY_NAME = """
from recbole.quick_start import run

result = run("SASRec", "tiny", config_file_list=["tiny.yaml"])
for metric, value in result["best_valid_result"].items():
    print(f"valid {metric} {value:.4f}")
for metric, value in result["test_result"].items():
    print(f"test {metric} {value:.4f}")
"""


def write_data(folder: Path) -> None:
    """Users walk through the items in order; neighbours share a category and similar features."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    rows = ["user_id:token\titem_id:token\ttimestamp:float"]
    for user in range(60):
        start = generator.integers(N_ITEMS)
        rows += [
            f"u{user}\ti{(start + step) % N_ITEMS}\t{step}"
            for step in range(generator.integers(6, 12))
        ]
    (folder / "tiny.inter").write_text("\n".join(rows) + "\n")
    items = [f"i{item}\tc{item // 8}" for item in range(N_ITEMS)]
    (folder / "tiny.item").write_text("\n".join(["item_id:token\tclass:token", *items]) + "\n")
    tokens = np.array([f"i{item}" for item in generator.permutation(N_ITEMS)])
    for modality, size in (("text", 12), ("image", 6)):
        feature = generator.normal(size=(N_ITEMS, size)).astype(np.float32)
        np.savez(folder / f"tiny.{modality}.npz", item_id=tokens, feature=feature)


def environment() -> dict[str, str]:
    path = os.pathsep.join(p for p in (ROOT, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def command(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
    )


def metrics_in(table: str) -> dict[str, str]:
    """``{"valid ndcg@10": "0.1234", ...}`` from the summary that ``run_recbole`` prints."""
    found = {}
    for name, valid, test in re.findall(r"^(\w+@\d+) +([\d.]+) +([\d.]+)$", table, re.MULTILINE):
        found[f"valid {name}"], found[f"test {name}"] = valid, test
    assert len(found) == 8, table
    return found


def metrics_printed(lines: str) -> dict[str, str]:
    """The same from the lines that the scripts above print."""
    return dict(re.findall(r"^((?:valid|test) \S+) ([\d.]+)$", lines, re.MULTILINE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("end_to_end")
    write_data(made / "dataset" / "tiny")
    (made / "tiny.yaml").write_text(DATASET_SETTINGS + "train_neg_sample_args: ~\n")
    (made / "protocol.yaml").write_text(DATASET_SETTINGS)
    (made / "load.py").write_text(LOAD_AND_EVALUATE)
    (made / "by_name.py").write_text(RUN_BY_NAME)
    return made


@pytest.fixture(scope="module")
def trained(folder) -> tuple[str, str]:
    """A checkpoint of CAMMSR and the table printed with it."""
    done = command(folder, "recbole_cammsr.cli.run_recbole", *CAMMSR, "--epochs=2")
    assert done.returncode == 0, done.stderr
    checkpoint = re.search(r"^checkpoint +(\S+)$", done.stdout, re.MULTILINE)
    assert checkpoint, done.stdout
    return checkpoint.group(1), done.stdout


def test_training_writes_a_checkpoint_and_only_the_table_to_standard_output(folder, trained):
    checkpoint, output = trained
    assert (folder / checkpoint).is_file()
    assert output.strip().splitlines()[0] == "CAMMSR on tiny"
    assert not list((folder / "saved").glob("*.part"))


def test_a_reloaded_model_has_the_same_metrics_in_a_script_and_in_the_command(folder, trained):
    checkpoint, output = trained
    by_script = command(folder, "recbole_cammsr", "load.py", checkpoint)
    assert by_script.returncode == 0, by_script.stderr
    assert metrics_printed(by_script.stdout) == metrics_in(output)
    by_command = command(folder, "recbole_cammsr.cli.run_recbole", f"--evaluate={checkpoint}")
    assert by_command.returncode == 0, by_command.stderr
    assert metrics_in(by_command.stdout) == metrics_in(output)


def test_training_killed_goes_on_from_its_checkpoint(folder):
    saved = folder / "killed"
    process = subprocess.Popen(
        [
            *[sys.executable, "-m", "recbole_cammsr.cli.run_recbole", *CAMMSR],
            *["--epochs=1000", "--stopping_step=1000", "--checkpoint_dir=killed"],
        ],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(saved.glob("CAMMSR-*.pth")):
        assert process.poll() is None, "training ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (checkpoint,) = saved.glob("CAMMSR-*.pth")

    resume = f"--resume={checkpoint.relative_to(folder)}"
    # nothing but the checkpoint: model, data set and settings are in it
    done = command(
        folder, "recbole_cammsr.cli.run_recbole", resume, "--epochs=1001", "--stopping_step=1"
    )
    assert done.returncode == 0, done.stderr
    started = re.search(r"Resume training from epoch (\d+)", done.stderr)
    assert started is not None
    assert int(started.group(1)) >= 1
    assert f"epoch {started.group(1)} training" in done.stderr
    assert "epoch 0 training" not in done.stderr
    assert metrics_in(done.stdout)
    assert f"killed{os.sep}{checkpoint.name}" in done.stdout


def test_two_processes_train_one_model_and_report_once(folder):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    done = command(
        folder,
        "recbole_cammsr.cli.run_recbole",
        *[*CAMMSR, "--epochs=1", "--nproc=2", f"--port={port}", "--checkpoint_dir=together"],
    )
    assert done.returncode == 0, done.stderr
    assert metrics_in(done.stdout)
    (checkpoint,) = (folder / "together").iterdir()
    assert f"together{os.sep}{checkpoint.name}" in done.stdout


def test_a_stock_model_has_the_same_metrics_through_the_command_and_through_run(folder):
    settings = [*COMMON[2:], "--epochs=2", "--state=ERROR"]
    by_command = command(
        folder, "recbole_cammsr.cli.run_recbole", "--model=SASRec", *COMMON, *settings[2:]
    )
    assert by_command.returncode == 0, by_command.stderr
    by_script = command(folder, "recbole_cammsr", "by_name.py", *settings)
    assert by_script.returncode == 0, by_script.stderr
    assert metrics_printed(by_script.stdout) == metrics_in(by_command.stdout)


def test_a_group_is_compared_and_a_failing_model_does_not_stop_the_others(folder):
    done = command(
        folder,
        "recbole_cammsr.cli.run_recbole_group",
        *["--model_list=SASRec,SASRecF,Pop,CAMMSR", "--dataset=tiny", "--protocol"],
        *["--config_files=protocol.yaml", "--category_field=class", "--selected_features=['none']"],
        *["--epochs=1", "--show_progress=False", "--state=ERROR", "--gpu_id="],
        *["--test_latex=tables/test.tex", "--valid_latex=tables/valid.tex"],
    )
    assert done.returncode == 1, done.stderr
    assert "SASRecF failed" in done.stderr
    assert "Traceback" not in done.stderr
    for title, file in (("best validation result", "valid.tex"), ("test result", "test.tex")):
        block = done.stdout.split(title)[1].split("LaTeX")[0]
        assert re.findall(r"^(\w+) +[\d.]+", block, re.MULTILINE) == ["SASRec", "Pop", "CAMMSR"]
        latex = (folder / "tables" / file).read_text()
        assert all(model in latex for model in ("SASRec", "Pop", "CAMMSR"))


@pytest.fixture
def in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["prog"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--model=CAMSR"], 2, "did you mean 'CAMMSR'"),
        (["--epochs", "5"], 2, "--epochs=5"),
        (["--config_files=none.yaml"], 2, "'none.yaml' does not exist"),
        (["--resume=none.pth"], 2, "'none.pth' does not exist"),
        (["--evaluate=none.pth"], 2, "'none.pth' does not exist"),
        (["--evaluate=x.pth", "--epochs=2"], 2, "no effect with --evaluate"),
        (["--evaluate=tiny.yaml"], 1, "tiny.yaml is damaged"),
        (["--resume=tiny.yaml"], 1, "tiny.yaml is damaged"),
        (["--model=Pop", "--dataset=tinny"], 1, "there is no data set 'tinny'"),
        (["--model=SASRec", "--dataset=tiny"], 1, "--train_neg_sample_args=None"),
        (["--model=Pop", "--dataset=tiny", "--metrics=['Recal']"], 1, "no metric named 'Recal'"),
        (
            ["--model=Pop", "--dataset=tiny", "--metrics=['NDCG']", "--epochs=1", "--seed=1"],
            1,
            "the metric MRR@10 that validation needs is not computed",
        ),
        (["--model=Pop", "--dataset=tiny", "--topk=0"], 1, "topk must be a positive integer"),
        (["--model=CAMMSR", "--dataset=tiny", "--modalities=['sound']"], 1, "sound"),
    ],
)
def test_wrong_input_is_one_sentence(in_folder, capsys, arguments, code, says):
    assert run_recbole.main(arguments) == code
    streams = capsys.readouterr()
    (sentence,) = [line for line in streams.err.splitlines() if line.startswith("run_recbole:")]
    assert says in sentence
    assert "Traceback" not in streams.err
    assert streams.out == ""


def test_a_checkpoint_of_another_model_or_without_epochs_left(in_folder, capsys, trained):
    checkpoint = trained[0]
    assert run_recbole.main([f"--resume={checkpoint}", "--model=SASRec"]) == 2
    assert "was trained with --model=CAMMSR, not SASRec" in capsys.readouterr().err
    before = Path(checkpoint).read_bytes()
    assert run_recbole.main([f"--resume={checkpoint}", "--epochs=1", "--state=ERROR"]) == 1
    assert "give a larger --epochs than 1" in capsys.readouterr().err
    for setting, says in (
        ("--mask_history=True", "was validated with mask_history: False, not True"),
        ("--valid_metric=MRR@10", "was validated with valid_metric: ndcg@10, not mrr@10"),
    ):
        more = [f"--resume={checkpoint}", "--epochs=2", "--state=ERROR", setting]
        assert run_recbole.main(more) == 1
        assert says in capsys.readouterr().err
    assert Path(checkpoint).read_bytes() == before
    # the same metric in other letters, and another ranking of the test split, change no validation
    arguments = "{'split':{'LS':'valid_and_test'},'order':'TO','group_by':'user'"
    arguments += ",'mode':{'valid':'full','test':'uni20'}}"
    copied = shutil.copy(checkpoint, "copied.pth")
    more = [f"--resume={copied}", "--epochs=3", "--state=ERROR", "--valid_metric=ndcg@10"]
    assert run_recbole.main([*more, f"--eval_args={arguments}"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model_list=Pop,NoSuch"], "no model 'NoSuch'"),
        (["--model_list=,"], "names no model"),
        (["--model=Pop"], "--model_list"),
        (["--model_list=Pop", "--test_latex=dataset"], "dataset is a folder; name a file"),
    ],
)
def test_a_group_refuses_before_the_first_model_trains(in_folder, capsys, arguments, says):
    assert run_recbole_group.main(arguments) == 2
    assert says in capsys.readouterr().err


def test_hyperopt_tries_every_choice_and_reports_the_best(folder):
    pytest.importorskip("hyperopt", reason="the extra `tune` is not installed")
    (folder / "params.txt").write_text("learning_rate choice [0.01,0.00001]\n")
    done = command(
        folder,
        "recbole_cammsr.cli.run_hyper",
        *["--model=CAMMSR", *COMMON, "--category_field=class", "--epochs=2", "--state=ERROR"],
        *["--params_file=params.txt", "--output_file=tuned.result"],
    )
    assert done.returncode == 0, done.stderr
    assert "CAMMSR on tiny: best of 2 trials" in done.stdout
    trials = (folder / "tuned.result").read_text()
    assert re.findall(r"^learning_rate:(\S+)$", trials, re.MULTILINE) in (
        ["0.01", "1e-05"],
        ["1e-05", "0.01"],
    )


def test_the_protocol_gives_every_model_the_same_rows_and_candidates(in_folder):
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation

    from recbole_cammsr.run import config_files, protocol

    chosen = config_files.read("protocol.yaml")
    rows = {}
    for model in ("CAMMSR", "SASRec", "BPR", "Pop"):
        config = Config(
            model,
            "tiny",
            config_file_list=["protocol.yaml"],
            config_dict={"category_field": "class", **protocol.settings_for(model, "tiny", chosen)},
        )
        for name, split in zip(
            ("valid", "test"), data_preparation(config, create_dataset(config))[1:]
        ):
            pairs = []
            for batch, masked, row, item in split:
                assert masked is None or len(masked[0]) == 0, f"{model} leaves out candidates"
                users = batch[split._dataset.uid_field][row]
                pairs += zip(
                    split._dataset.id2token("user_id", users),
                    split._dataset.id2token("item_id", item),
                )
            rows[model, name] = (sorted(pairs), split._dataset.item_num)
    for name in ("valid", "test"):
        assert len(rows["CAMMSR", name][0]) == 60
        for model in ("SASRec", "BPR", "Pop"):
            assert rows[model, name] == rows["CAMMSR", name]
