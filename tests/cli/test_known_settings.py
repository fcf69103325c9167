"""Names of models and settings, found without importing RecBole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from recbole_cammsr.cli import known_settings
from recbole_cammsr.cli.errors import UsageError


def test_models_of_both_packages_are_known():
    for name in ("SASRec", "BPR", "xgboost", "Random", "CAMMSR"):
        known_settings.check_model(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [("sasrec", "write 'SASRec'"), ("SASRek", "'SASRec'"), ("cammsr", "write 'CAMMSR'")],
)
def test_an_unknown_model_names_the_nearest(name, says):
    with pytest.raises(UsageError, match=says):
        known_settings.check_model(name)


def test_a_model_unlike_any_has_no_suggestion():
    with pytest.raises(UsageError, match=r"'qqqqqqqq'$"):
        known_settings.check_model("qqqqqqqq")


def test_settings_come_from_yaml_source_and_argument_lists():
    # a default; read by one model only; only in RecBole's list; dataset names are no settings
    assert {"epochs", "rm_dup_inter", "alias_of_item_id", "modalities"} <= known_settings.settings()
    assert not {"epoch", "ml-1m", "adult"} & known_settings.settings()


@pytest.mark.parametrize("command", ["run_recbole", "run_recbole_group", "run_hyper"])
def test_help_needs_neither_torch_nor_recbole(command):
    code = (
        "import sys\n"
        f"from recbole_cammsr.cli.{command} import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as done:\n"
        "    loaded = {'torch', 'recbole', 'pandas', 'ray'} & set(sys.modules)\n"
        "    sys.exit(f'{loaded}' if loaded else done.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout
    assert "--config_files" in done.stdout


def test_without_recbole_the_command_says_how_to_install_it():
    code = (
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'recbole' else find(name)\n"
        "from recbole_cammsr.cli.run_recbole import main\n"
        "sys.exit(main(['--model=CAMMSR']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("run_recbole: error: recbole is not installed")
    assert done.stderr.count("\n") == 1
