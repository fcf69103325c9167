"""Makes RecBole's ``nproc`` > 1 work: on CPUs, in fresh interpreters, and around checkpoints.

Its evaluation is mended in :mod:`recbole_cammsr.compat.distributed_evaluation`. Here, by upstream
function:

- ``Config._init_device`` (``recbole/config/configurator.py``) hard-codes NCCL and CUDA devices:
  gloo and the CPU where there is no GPU.
- ``AbstractTrainer.__init__`` (``recbole/trainer/trainer.py``) hands a GPU's number to
  ``DistributedDataParallel``, which a CPU model refuses, and turns batch norms into ones that need
  a GPU. ``DistributedDataParallel`` also sends every buffer around in every step; those that are
  no part of a checkpoint (feature tables, masks) never change and are left out.
- ``Trainer.__init__`` puts the clock into the checkpoint's name, so processes may disagree about
  it, and runs that start together agree (:mod:`recbole_cammsr.compat.checkpoint_name`);
  ``Trainer._save_checkpoint`` saves a config that says "one of several processes", with which the
  model cannot be loaded by one.
- ``ensure_dir`` (``recbole/utils/utils.py``) fails when two processes create a folder at once.
- ``run`` (``recbole/quick_start/quick_start.py``) spawns fresh interpreters, which know neither
  our models nor our repairs: its worker is replaced by one that lives in this package.
"""

from __future__ import annotations

import copy
import os
import signal
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

from recbole_cammsr.compat import checkpoint_name, distributed_evaluation
from recbole_cammsr.compat.distributed_evaluation import from_first
from recbole_cammsr.compat.import_hooks import rebind, when_imported

_stock: dict[str, Callable[..., None]] = {}


def install() -> None:
    """Attach the hooks; a second call has no effect."""
    when_imported("recbole.utils.utils", _allow_existing_folders)
    when_imported("recbole.config.configurator", _choose_backend)
    distributed_evaluation.install()
    when_imported("recbole.trainer.trainer", _mend_trainers)
    when_imported("recbole.quick_start.quick_start", _replace_worker)


def run_worker(rank: int, *args: Any) -> None:
    """RecBole's ``run_recboles`` for a fresh interpreter: unpickling it imports this package.

    Args:
        rank: number of the process on this machine.
        args: what RecBole's ``run`` hands to its worker.
    """
    import recbole.quick_start.quick_start  # noqa: F401  fills _stock

    end_with_parent()
    _stock["run_recboles"](rank, *args)


def end_with_parent() -> None:
    """Let a spawned process end when its parent is gone.

    torch has the kernel send it SIGINT then, which is ignored where a script started the parent in
    the background.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _allow_existing_folders(module: ModuleType) -> None:
    """Make ``ensure_dir`` safe against a second process that creates the folder meanwhile."""
    stock = module.ensure_dir

    @wraps(stock)
    def ensure_dir(dir_path: str) -> None:
        os.makedirs(dir_path, exist_ok=True)

    rebind("ensure_dir", stock, ensure_dir)


def _choose_backend(module: ModuleType) -> None:
    """Let ``Config`` join the process group with gloo where there is no GPU to use."""
    stock = module.Config._init_device

    @wraps(stock)
    def init_device(self: Any) -> None:
        settings = self.final_config_dict
        if "local_rank" not in settings:
            stock(self)
            return
        chosen = settings["gpu_id"]
        gpus = ",".join(map(str, chosen)) if isinstance(chosen, (tuple, list)) else str(chosen)
        os.environ["CUDA_VISIBLE_DEVICES"] = settings["gpu_id"] = gpus
        import torch

        if gpus and torch.cuda.is_available():
            if len(gpus.split(",")) < settings["nproc"]:
                raise ValueError(
                    f"`gpu_id: {gpus}` names fewer GPUs than the {settings['nproc']} processes "
                    f"asked for; name one for each, or none (`gpu_id: ''`) to use the CPU."
                )
            stock(self)
            return
        _join_on_cpu(settings)

    module.Config._init_device = init_device


def _join_on_cpu(settings: dict[str, Any]) -> None:
    """What ``Config._init_device`` does for a process with a GPU, without one."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:  # or all processes would each use all cores
        torch.set_num_threads(max(1, torch.get_num_threads() // settings["nproc"]))
    torch.distributed.init_process_group(
        backend="gloo",
        rank=settings["local_rank"] + settings["offset"],
        world_size=settings["world_size"],
        init_method=f"tcp://{settings['ip']}:{settings['port']}",
    )
    settings["device"] = torch.device("cpu")
    settings["single_spec"] = False
    if settings["local_rank"] != 0:
        settings.update(state="error", show_progress=False, verbose=False)


def _mend_trainers(module: ModuleType) -> None:
    """Mend the trainers: on the CPU, and around checkpoints."""
    _wrap_model(module.AbstractTrainer)
    _agree_on_checkpoint(module.Trainer)


def _wrap_model(trainer_class: Any) -> None:
    stock = trainer_class.__init__

    @wraps(stock)
    def init(self: Any, config: Any, model: Any) -> None:
        if not config["single_spec"]:
            _refuse_counting(model)
            saved = model.state_dict()
            constant = [name for name, _ in model.named_buffers() if name not in saved]
            model._ddp_params_and_buffers_to_ignore = constant
        if config["single_spec"] or config["device"].type != "cpu":
            stock(self, config, model)
            return
        from torch.nn.parallel import DistributedDataParallel

        self.config = config
        self.model = model
        self.distributed_model = DistributedDataParallel(model)

    trainer_class.__init__ = init


def _refuse_counting(model: Any) -> None:
    """Refuse RecBole's ``Pop``, which counts items where others have parameters to agree on."""
    if any(
        base.__module__ == "recbole.model.general_recommender.pop" for base in type(model).__mro__
    ):
        raise ValueError(
            f"nproc: {type(model).__name__} counts items, and each process would count those of "
            "its own rows; set nproc: 1"
        )


def _agree_on_checkpoint(trainer_class: Any) -> None:
    stock_init = trainer_class.__init__
    stock_save = trainer_class._save_checkpoint
    stock_resume = trainer_class.resume_checkpoint

    @wraps(stock_init)
    def init(self: Any, config: Any, model: Any) -> None:
        stock_init(self, config, model)
        checkpoint_name.name_is_free(self)
        if not config["single_spec"]:
            # all must know it before the first one saves
            mine = config["local_rank"] + config["offset"] == 0
            self.saved_model_file = from_first(checkpoint_name.claim(self) if mine else None)
            checkpoint_name.name_is_taken(self)

    @wraps(stock_save)
    def save(self: Any, epoch: int, verbose: bool = True, **keywords: Any) -> None:
        config = self.config
        by_its_name = "saved_model_file" not in keywords
        if by_its_name:
            checkpoint_name.claim(self)
        if not config["single_spec"] and config["local_rank"] == 0:
            # a config that says "one of several processes" cannot be used to load the model alone
            self.config = copy.copy(config)
            self.config.final_config_dict = {**config.final_config_dict, "single_spec": True}
        try:
            stock_save(self, epoch, verbose=verbose, **keywords)
        finally:
            self.config = config
        if by_its_name:
            checkpoint_name.release(self)

    @wraps(stock_resume)
    def resume_checkpoint(self: Any, resume_file: str) -> None:
        stock_resume(self, resume_file)
        checkpoint_name.name_is_taken(self)  # it goes on in the file that it resumes

    trainer_class.__init__ = init
    trainer_class._save_checkpoint = save
    trainer_class.resume_checkpoint = resume_checkpoint


def _replace_worker(module: ModuleType) -> None:
    """Let RecBole's ``run`` spawn our worker."""
    _stock["run_recboles"] = module.run_recboles
    rebind("run_recboles", module.run_recboles, run_worker)
