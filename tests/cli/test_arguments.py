"""Command lines: what is handed to RecBole, and what is refused before it is dropped in silence."""

from __future__ import annotations

import sys

import pytest

from recbole_cammsr.cli import arguments
from recbole_cammsr.run.command import Parser
from recbole_cammsr.run.errors import UsageError


def parser() -> Parser:
    made = Parser("run_recbole", "", "")
    arguments.add_model_options(made)
    arguments.add_process_options(made)
    for name in ("resume", "evaluate", "tuned"):
        made.add_argument(f"--{name}")
    return made


def test_options_and_settings_are_told_apart():
    options, settings = arguments.read(
        parser(),
        ["-m", "SASRec", "--epochs=3", "--dataset", "d", "--protocol", "--topk=[5,10]", "-d=e"],
    )
    assert (options.model, options.dataset, options.protocol) == ("SASRec", "e", True)
    assert settings == ["--epochs=3", "--topk=[5,10]"]


@pytest.mark.parametrize("value", ["1e-3", "-1", "0.5", "2**10", "None", "True", "(1+1)"])
def test_numbers_in_every_form_that_recbole_evaluates_pass(value):
    _, settings = arguments.read(parser(), [f"--eval_step={value}"])
    assert settings == [f"--eval_step={value}"]


@pytest.mark.parametrize(
    ("given", "handed_on"),
    [
        ("[text,image]", "['text','image']"),
        ("[ category ]", "['category']"),
        ("['text']", "['text']"),
        ("[5,10]", "[5,10]"),
        ("[]", "[]"),
        ("[5,inf]", "[5,inf]"),  # an interval, which RecBole reads as text
        ("[inf,inf]", "[inf,inf]"),
        ("[True,False]", "[True,False]"),
        ("[a,b)", "[a,b)"),
        ("{a: b}", "{a: b}"),
    ],
)
def test_lists_of_words_need_no_quotes(given, handed_on):
    # a setting of a model of the user's own: the packages' are refused where they stay text
    _, settings = arguments.read(parser(), [f"--words_of_mine={given}"])
    assert settings == [f"--words_of_mine={handed_on}"]


def test_values_are_read_as_recbole_reads_them():
    given = ["--a=3", "--b=['x']", "--c=CE", "--d=None", "--e=", "--f=[5,inf)"]
    values = {"a": 3, "b": ["x"], "c": "CE", "d": None, "e": "", "f": "[5,inf)"}
    assert arguments.values(given) == values


def test_an_empty_value_a_repeated_equal_one_and_files_without_quotes_pass():
    given = ["--gpu_id=", "--epochs=2", "--epochs=2", "--modality_files={text: a.npz}"]
    assert arguments.read(parser(), given)[1] == given


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--epochs", "5"], "--epochs=5"),
        (["--epochs"], "--epochs=VALUE"),
        (["-epochs=5"], "two dashes"),
        (["ml-100k"], "unexpected argument 'ml-100k'"),
        (["--config_files", "a.yaml", "b.yaml"], "--config_files='a.yaml b.yaml'"),
        (["--data_path=/a=b"], "contains '='"),
        (["--epochs=1", "--epochs=2"], "given twice"),
        (
            ["--train_batch_size=-1"],
            "--train_batch_size must be 1 or more (default 2048), not '-1'",
        ),
        (["--epochs=five"], "must be a number"),
        (["--epochs=[1]"], "must be a number"),
        (["--epochs=-1"], "--epochs must be 0 or more (default 300), not '-1'"),
        (["--learner=adamm"], "--learner must be one of adam, adamw, sgd"),
        (["--user_inter_num_interval=[9,inf"], "must be an interval with both brackets"),
        (["--eval_args={'splitt':{'LS':'valid_only'}}"], "did you mean 'split'?"),
        (["--valid_metric=NDGC@10"], "did you mean 'NDCG@10'?), not 'NDGC@10'"),
        (["--epoch=5"], "did you mean --epochs?"),
        (["--learning-rate=1"], "did you mean --learning_rate?"),
        (["--modle=SASRec"], "did you mean --model?"),
        (["--protocl"], "did you mean --protocol?"),
        (["--nproc=two"], "--nproc"),
        (["--model"], "expected one argument"),
        (["--dataset="], "--dataset is empty"),
        (["--model", " "], "--model is empty"),
        (["--config_files="], "--config_files is empty"),
        (["--tuned="], "--tuned is empty"),
        (["--evaluate", " "], "--evaluate is empty"),
        (["--resume="], "--resume is empty"),
        (["--learning_rate=e"], "--learning_rate must be a number"),
        (["--seed=None"], "--seed must be a number (default 2020)"),
        (["--worker=-1"], "--worker must be 0 or more"),
        (["--clip_grad_norm=5"], "--clip_grad_norm must be a mapping, such as {'max_norm': 5}"),
        (["--load_col={inter:[user_id]}"], "--load_col must be a mapping, such as {'inter': ["),
        (["--seq_len={item_id_list: 5}"], "--seq_len must be a mapping as Python writes it, with"),
        (["--category_field=[genre]"], "--category_field must be the name of one column"),
        (["--", "x"], "unexpected argument"),
    ],
)
def test_refused(argv, says):
    with pytest.raises(UsageError) as refusal:
        arguments.read(parser(), argv)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--nproc=0"], "--nproc must be at least 1, not 0"),
        (["--nproc=-2"], "--nproc must be at least 1, not -2"),
        (["--nproc=2", "--world_size=1"], "--world_size must be at least .*, 2, not 1"),
        (["--nproc=2", "--world_size=3", "--group_offset=2"], "4, not 3"),
        (["--world_size=0"], "1, not 0"),
        (["--group_offset=-1"], "--group_offset must be at least 0, not -1"),
    ],
)
def test_numbers_of_processes_that_train_nothing_are_refused(argv, says, capsys):
    from recbole_cammsr.cli import run_recbole, run_recbole_group

    options, _ = arguments.read(parser(), argv)
    with pytest.raises(UsageError, match=says):
        arguments.check_process_options(options)
    for command in (run_recbole.main, run_recbole_group.main):
        assert command(argv) == 2
    capsys.readouterr()
    for fine in ([], ["--nproc=2", "--world_size=4", "--group_offset=2"]):
        arguments.check_process_options(arguments.read(parser(), fine)[0])


def test_an_empty_data_set_in_a_config_file_is_not_the_default_one(tmp_path, capsys):
    from recbole_cammsr.cli import run_recbole

    (tmp_path / "a.yaml").write_text("dataset: ''\nmodel: BPR\n")
    assert run_recbole.main([f"--config_files={tmp_path / 'a.yaml'}"]) == 2
    assert "'dataset' in --config_files is empty" in capsys.readouterr().err


def test_a_value_in_a_config_file_is_refused_with_the_file_that_counts(tmp_path, capsys):
    from recbole_cammsr.cli import run_recbole, run_recbole_group
    from recbole_cammsr.cli.request import Request

    first, last = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("learner: adamm\nepochs: 1\n")
    last.write_text('user_inter_num_interval: "[9,inf"\nepochs: -1\n')
    for command in (run_recbole.main, run_recbole_group.main):
        assert command([f"--config_files={first}"]) == 2
        assert f"config file {first}: `learner` is 'adamm'; it must be" in capsys.readouterr().err
    more = ["--learner=sgd", "--user_inter_num_interval=[9,inf)"]
    assert run_recbole.main([f"--config_files={first} {last}", *more]) == 2
    error = capsys.readouterr().err
    assert f"config file {last}: `epochs` is -1; it must be 0 or more" in error
    assert error.count("\n") == 1
    # what the command line replaces is not used, and text is read as the files' reader reads it
    first.write_text("learning_rate: 1e-3\nclip_grad_norm: ~\n" + first.read_text())
    given = [f"--config_files={first} {last}", *more, "--epochs=2"]
    assert Request(*arguments.read(parser(), given)).in_files["learner"] == "adamm"


def test_a_setting_that_nothing_resembles_is_only_warned_of(capsys):
    _, settings = arguments.read(parser(), ["--zzqx_own_note=1"])
    assert settings == ["--zzqx_own_note=1"]
    assert capsys.readouterr().err.endswith("'zzqx_own_note'\n")


def test_a_setting_that_something_may_resemble_is_warned_of_with_the_guess(capsys):
    _, settings = arguments.read(parser(), ["--modality=[]"])
    assert settings == ["--modality=[]"]
    assert "'modality'; is 'modalities' meant?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting", ["hidden_size=8", "modalities=[]", "save_dataset=True", "category_field=class"]
)
def test_settings_of_recbole_and_of_this_package_are_known(setting, capsys):
    arguments.read(parser(), [f"--{setting}"])
    assert capsys.readouterr().err == ""


def test_recbole_finds_exactly_the_settings_in_sys_argv(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "-m", "SASRec", "--debug", "--epochs=1"])
    arguments.hand_to_recbole(["--epochs=1"], model="SASRec", dataset=None)
    assert sys.argv == ["prog", "--model=SASRec", "--epochs=1"]


def test_help_is_given_whatever_else_is_wrong(capsys):
    with pytest.raises(SystemExit) as ended:
        arguments.read(parser(), ["--epoch=5", "--help"])
    assert ended.value.code in (0, None)
    assert "--config_files" in capsys.readouterr().out
