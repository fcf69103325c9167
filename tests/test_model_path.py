"""Models of the user's own, named by where they are imported from."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

import recbole_cammsr
from recbole_cammsr import model_path, registry
from recbole_cammsr.analysis import ablation, digests, experiment, setting_values
from recbole_cammsr.analysis.corruption import MISSING
from recbole_cammsr.analysis.job import TrainingJob
from recbole_cammsr.analysis.runner import Runner
from recbole_cammsr.analysis.store import ResultStore
from recbole_cammsr.cli import ablate, run_recbole
from recbole_cammsr.run import known_settings, protocol
from recbole_cammsr.run.errors import UsageError

ROOT = str(Path(recbole_cammsr.__file__).resolve().parents[1])
MODULE = '''
from recbole.data.dataset import SequentialDataset
from recbole.model.sequential_recommender.sasrec import SASRec
from recbole.trainer import Trainer

from recbole_cammsr.model.cammsr import CAMMSR


class Mine(CAMMSR):
    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.loudness = config["loudness"]

    def calculate_loss(self, interaction):
        return tuple(self.loudness * loss for loss in super().calculate_loss(interaction))


class Other(SASRec):
    """Somebody's model that is none of this package's."""


class OtherDataset(SequentialDataset):
    pass


class OtherTrainer(Trainer):
    pass


class NoModel:
    pass
'''
OTHERS_DEFAULTS = """
n_layers: 1
n_heads: 2
inner_size: 32
hidden_dropout_prob: 0.5
attn_dropout_prob: 0.5
hidden_act: gelu
layer_norm_eps: 1e-12
initializer_range: 0.02
loss_type: CE
"""
_numbers = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Name of a module with models in the working folder, which no Python path holds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", os.getcwd())])
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(known_settings, "_noted", set())
    name = f"models_of_mine_{next(_numbers)}"  # Python keeps what it has imported
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "Mine.yaml").write_text("loudness: 1.0\n")
    (tmp_path / "Other.yaml").write_text(OTHERS_DEFAULTS)
    return name


def settings(toy_path, **more):
    return {
        "data_path": str(toy_path),
        "gpu_id": "",
        "show_progress": False,
        "epochs": 2,
        "hidden_size": 16,
        "expert_size": 16,
        "modalities": ["text", "image"],
        "category_field": "genre",
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        **more,
    }


def command(model, toy_path, *more):
    """Arguments of ``run_recbole``; the shell's quotes are gone."""
    given = [f"--{key}={value}" for key, value in settings(toy_path).items()]
    return [f"--model={model}", "--dataset=toy", *given, *more]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.B", True),
        ("a.b.C_2", True),
        ("CAMMSR", False),
        ("a.", False),
        ("a/b.C", False),
        ("a.b/C", False),
        ("a.B ", False),
        ("", False),
    ],
)
def test_a_path_has_a_dot_between_names(name, says):
    assert model_path.is_path(name) is says


def test_the_command_trains_tests_goes_on_and_evaluates(module, toy_path, tmp_path, capsys):
    """A variant that changes nothing has CAMMSR's figures, and its checkpoint opens anywhere."""
    assert run_recbole.main(command("CAMMSR", toy_path)) == 0
    parents = capsys.readouterr().out.replace("CAMMSR on", "it on").splitlines()[:-1]
    assert run_recbole.main(command(f"{module}.Mine", toy_path)) == 0
    variant = capsys.readouterr().out.replace(f"{module}.Mine on", "it on")
    *variants, last = variant.splitlines()
    assert variants == parents
    checkpoint = last.split()[-1]
    assert f"{module}.Mine-" in checkpoint

    def in_new_process(*arguments):
        # -P, as an installed command: the working folder is not on the path
        main = "from recbole_cammsr.cli.run_recbole import main; import sys; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.remove(''); {main}", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": ROOT},
        )

    evaluated = in_new_process(f"--evaluate={checkpoint}")
    assert evaluated.returncode == 0, evaluated.stderr[-2000:]
    assert evaluated.stdout.splitlines()[2:-1] == parents[2:]
    resumed = in_new_process(f"--resume={checkpoint}", "--epochs=3", "--gpu_id=")
    assert resumed.returncode == 0, resumed.stderr[-2000:]


def test_defaults_data_set_and_trainer_stand_beside_the_class(module, toy_path, tmp_path):
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer

    name = f"{module}.Other"
    chosen = settings(toy_path, checkpoint_dir=str(tmp_path / "saved"))
    of_protocol = protocol.settings_for(name, "toy", chosen)
    assert of_protocol["train_neg_sample_args"] is None  # its YAML file says CE
    config = Config(name, "toy", config_dict={**of_protocol, **chosen})
    own = sys.modules[module]
    assert get_model(name) is own.Other
    assert config["n_layers"] == 1
    assert "swap_weight" not in config  # none of ours
    assert get_trainer(config["MODEL_TYPE"], name) is own.OtherTrainer
    dataset = create_dataset(config)
    assert type(dataset) is own.OtherDataset
    train = data_preparation(config, dataset)[0]
    model = own.Other(config, train.dataset)
    assert own.OtherTrainer(config, model).fit(train, saved=False) is not None


def test_a_data_set_beside_a_class_is_that_of_a_path_and_of_our_kind(module, toy_path):
    from recbole.config import Config
    from recbole.data import create_dataset
    from recbole.data.dataset import SequentialDataset

    from recbole_cammsr.data.dataset import CAMMSRDataset

    model_path.load(f"{module}.Mine")
    own = sys.modules[module]
    own.MineDataset = type("MineDataset", (CAMMSRDataset,), {"__module__": module})

    def made(model):
        neither = {"train_neg_sample_args": None}
        return type(create_dataset(Config(model, "toy", config_dict=settings(toy_path, **neither))))

    assert made(f"{module}.Mine") is made(own.Mine) is own.MineDataset
    assert made(f"{module}.Other") is own.OtherDataset
    assert made(own.Other) is SequentialDataset  # a class that is none of ours has RecBole's


def test_the_protocol_of_a_class_is_that_of_the_model_it_inherits_from(module):
    """Ours are given its files by Config; settings of it would win over those beside the class."""
    assert protocol.settings_for(f"{module}.Mine", "ml-100k", {}) == {}
    given = {"MAX_ITEM_LIST_LENGTH": 2}
    assert protocol.followed(f"{module}.Mine", "ml-100k", given) == given


def test_a_class_has_the_defaults_of_the_model_of_recboles_that_it_inherits_from(module):
    from recbole.model.abstract_recommender import SequentialRecommender
    from recbole.model.sequential_recommender.sasrec import SASRec

    own = model_path.load(f"{module}.Other")
    further = type("Further", (own,), {"__module__": module})
    for model_class in (own, further):
        path = Path(model_path.inherited_defaults(model_class))
        assert path.name == "SASRec.yaml"
        assert "attn_dropout_prob" in path.read_text()
    assert model_path.inherited_defaults(SASRec) is None  # RecBole reads it by itself
    abstract = type("Own", (SequentialRecommender,), {"__module__": module})
    assert model_path.inherited_defaults(abstract) is None
    assert model_path.inherited_defaults(None) is None


def test_a_class_beside_recboles_is_not_taken_for_its_trainer_or_data(module):
    from recbole.trainer import Trainer
    from recbole.utils import ModelType, get_trainer

    assert get_trainer(ModelType.SEQUENTIAL, f"{module}.Mine") is Trainer
    assert get_trainer(ModelType.SEQUENTIAL, "SASRec") is Trainer


def test_defaults_hold_under_both_ways_to_name_the_class(module, toy_path):
    from recbole.config import Config

    own = model_path.load(f"{module}.Mine")
    by_name = Config(f"{module}.Mine", "toy", config_dict=settings(toy_path)).final_config_dict
    by_class = Config(own, "toy", config_dict=settings(toy_path)).final_config_dict
    assert by_name["loudness"] == 1.0
    assert {**by_name, "model": "Mine"} == by_class
    assert registry.family_of_name(f"{module}.Mine") == "CAMMSR"
    assert registry.family_of_name(f"{module}.Other") is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module.Mine", "there is no module 'no_such_module' in {folder} or among"),
        ("json.no_such_class", r"json.__init__\.py has no class 'no_such_class'"),
        ("no.such.package.Mine", "there is no module 'no.such.package'"),
        ("sys.Mine", "there is no module 'sys'"),
        ("__main__.Mine", "put Mine in a module beside it, .* name it my_models.Mine"),
    ],
)
def test_a_model_that_is_not_there_is_refused(module, name, says, tmp_path, capsys):
    with pytest.raises(UsageError, match=says.format(folder=tmp_path)):
        known_settings.check_model(name)
    assert run_recbole.main([f"--model={name}"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("content", ["loudness: [", "loud"])
def test_defaults_that_cannot_be_read_are_named(module, tmp_path, capsys, content):
    (tmp_path / "Mine.yaml").write_text(content)
    assert run_recbole.main([f"--model={module}.Mine", "--epochs=1"]) == 2
    assert f"config file {tmp_path / 'Mine.yaml'} " in capsys.readouterr().err


def test_a_class_that_is_no_model_is_refused(module, capsys):
    assert run_recbole.main([f"--model={module}.NoModel", "--epochs=1"]) == 1
    assert "NoModel" in (error := capsys.readouterr().err)
    assert "it must be a class that inherits from one of RecBole's" in error


def test_a_word_of_the_text_is_no_class(module):
    with pytest.raises(ValueError, match="has no class 'Min'"):  # there is one called Mine
        model_path.load(f"{module}.Min")
    with pytest.raises(ValueError, match=r"Somebody in .* is no model"):  # in a docstring
        model_path.load(f"{module}.Somebody")


def test_a_file_of_the_working_folder_hides_nothing_that_is_installed(module, tmp_path):
    (tmp_path / "antigravity.py").write_text("")
    assert model_path.search_working_folder()
    found = importlib.util.find_spec("antigravity")
    assert found is not None
    assert Path(found.origin).parent != tmp_path


def test_its_settings_are_known_and_misspelt_ones_refused(module, toy_path, capsys):
    assert "loudness" not in known_settings.settings()
    assert run_recbole.main(command(f"{module}.Mine", toy_path, "--loudnes=2")) == 2
    assert "did you mean --loudness?" in capsys.readouterr().err
    assert known_settings.only_read_by("swap_weight", f"{module}.Mine") == ()


def test_an_experiment_takes_them(module, toy_path):
    entry = {
        "datasets": {"toy": {"loudness": 3.0}},
        "seeds": [1],
        "models": {"loud": {"model": f"{module}.Mine", "grid": {"loudness": [1.0, 2.0]}}},
        "tuning": {"trials": 2},
    }
    plan = experiment.parse(entry)
    assert plan.contenders[0].model == f"{module}.Mine"
    entry["models"]["loud"]["grid"] = {"loudnes": [1.0]}
    with pytest.raises(UsageError, match="did you mean 'loudness'"):
        experiment.parse(entry)


def test_a_job_runs_in_a_process_of_its_own_and_remembers_its_code(module, toy_path, tmp_path):
    chosen = settings(toy_path, metrics=["NDCG"], topk=[10], valid_metric="NDCG@10")
    jobs = [TrainingJob(model, "toy", 1, chosen) for model in ("CAMMSR", f"{module}.Mine")]
    store = ResultStore(tmp_path / "out")
    assert Runner(store, threads=1).run(jobs, {job.fingerprint: job.model for job in jobs}) == {}
    parents, variants = map(store.load, jobs)
    assert variants.test == parents.test
    assert variants.code == digests.code_digest(f"{module}.Mine") != parents.code
    for changed in (tmp_path / f"{module}.py", tmp_path / "Mine.yaml"):
        before = digests.code_digest(f"{module}.Mine")
        changed.write_text(changed.read_text() + "# changed\n")
        assert digests.code_digest(f"{module}.Mine") != before
    assert digests.code_digest("CAMMSR") == parents.code


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CAMSSR", "did you mean 'CAMMSR'"),
        ("sasrec", "write 'SASRec'"),
        ("qqqqqqqq", "'qqqqqqqq'$"),
    ],
)
def test_a_name_that_no_model_has_is_refused_in_scripts_too(module, name, says):
    """RecBole would say that lightgbm is missing, among whose models it looks last."""
    from recbole.config import Config

    with pytest.raises(ValueError, match=f"there is no model .*{says}"):
        Config(model=name, dataset="ml-100k")
    with pytest.raises(ValueError, match=f"there is no model '{name}'"):
        recbole_cammsr.protocol_settings(name, "ml-100k")


def test_a_model_whose_package_is_missing_names_the_package(module, monkeypatch):
    from recbole.utils import get_model

    monkeypatch.setitem(sys.modules, "lightgbm", None)
    for name in [each for each in sys.modules if each.startswith("recbole.model.exlib")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="lightgbm"):
        get_model("LightGBM")


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("import a_package_that_is_missing", ModuleNotFoundError, "a_package_that_is_missing"),
        ("import math\nmath.float_", AttributeError, "float_"),
    ],
)
def test_a_broken_model_of_another_package_says_what_broke_it(
    tmp_path, monkeypatch, code, error, says
):
    """Other packages offer theirs by adding a folder to RecBole's packages of models."""
    import recbole.model.general_recommender
    from recbole.utils import get_model

    (tmp_path / "theirs.py").write_text(f"{code}\nclass Theirs: pass\n")
    path = recbole.model.general_recommender.__path__
    monkeypatch.setattr(recbole.model.general_recommender, "__path__", [*path, str(tmp_path)])
    with pytest.raises(error, match=says):
        get_model("Theirs")
    with pytest.raises(ValueError, match="there is no model 'Thiers'"):
        get_model("Thiers")


def test_a_folder_that_is_searched_already_is_not_added_again(module):
    assert model_path.search_working_folder()
    assert not model_path.search_working_folder()
    assert importlib.import_module(module).__name__ == module


def test_defaults_that_would_rank_something_else_are_refused(module, toy_path, tmp_path, capsys):
    """Such rows would stand in one table with others whose own items are ranked."""
    (tmp_path / "Mine.yaml").write_text("loudness: 1.0\nmask_history: True\n")
    with pytest.raises(UsageError, match=r"Mine\.yaml sets 'mask_history', which decides"):
        experiment.parse({"datasets": ["toy"], "seeds": [1], "models": [f"{module}.Mine", "Pop"]})
    given = [f"--baselines={module}.Mine", "--sweep=n_layers=1", f"--output={tmp_path / 'out'}"]
    assert ablate.main([f"--data_path={toy_path}", "--dataset=toy", *given]) == 2
    assert "sets 'mask_history', which decides" in capsys.readouterr().err


def test_damage_hits_a_variant_of_a_model_that_reads_it(module):
    base = ablation.Base("ml-100k", baselines=[f"{module}.Mine", f"{module}.Other"])
    labels = [one.label for one in ablation.damage(base, MISSING, [0.5]).contenders]
    assert f"{module}.Mine, 50 % missing" in labels
    assert [label for label in labels if "Other" in label] == [f"{module}.Other"]


def test_values_of_a_variant_are_checked_as_its_parents(module):
    models = {f"{module}.Mine": {"settings": {"fusion": "some"}}}
    plan = experiment.parse({"datasets": ["toy"], "seeds": [1], "models": models})
    with pytest.raises(UsageError, match="`fusion`"):
        setting_values.check(plan)
