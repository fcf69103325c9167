"""`enable_amp` on CUDA is bfloat16 for models that ask for it, and RecBole's own otherwise."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from recbole_cammsr.compat import amp_dtype as shim


def _cuda_dtype() -> torch.dtype:
    """What ``torch.autocast("cuda")`` would compute in; needs no GPU to be asked."""
    if hasattr(torch, "get_autocast_dtype"):
        return torch.get_autocast_dtype("cuda")
    return torch.get_autocast_gpu_dtype()


@pytest.fixture
def trainer_class() -> Any:
    """A trainer as RecBole's module has one, whose epoch says the dtype that it finds."""

    class Trainer:
        def __init__(self, device: str = "cuda", scaler: bool = False, **model: Any) -> None:
            self.device = torch.device(device)
            self.enable_amp, self.enable_scaler = True, scaler
            self.model = SimpleNamespace(**model)

        def _train_epoch(self, data: Any, fail: bool = False) -> tuple[Any, torch.dtype]:
            if fail:
                raise RuntimeError("loss is nan")
            return data, _cuda_dtype()

        def fit(self, rows: Any, verbose: bool = True) -> tuple[Any, bool]:
            return rows, verbose

    module: Any = SimpleNamespace(Trainer=Trainer)
    shim._choose_dtype(module)
    shim._warn_where_slower(module)
    return Trainer


@pytest.fixture
def capability(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    """What the GPU says it can do."""
    held = {"is": (9, 0)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: held["is"])
    return held


def test_a_model_that_asks_gets_it_for_the_epoch(trainer_class: Any, capability: Any) -> None:
    before = _cuda_dtype()
    assert before == torch.float16
    trainer = trainer_class(amp_dtype=torch.bfloat16)
    assert trainer._train_epoch("rows") == ("rows", torch.bfloat16)
    assert _cuda_dtype() == before
    with pytest.raises(RuntimeError, match="nan"):
        trainer._train_epoch("rows", fail=True)
    assert _cuda_dtype() == before


@pytest.mark.parametrize(
    ("device", "scaler", "able", "model"),
    [
        ("cuda", False, (9, 0), {}),  # RecBole's own models
        ("cuda", True, (9, 0), {"amp_dtype": torch.bfloat16}),  # float16, scaled
        ("cuda", False, (7, 5), {"amp_dtype": torch.bfloat16}),  # Turing
        ("cpu", False, (9, 0), {"amp_dtype": torch.bfloat16}),
    ],
)
def test_otherwise_it_is_as_recbole_has_it(
    trainer_class: Any, capability: Any, device: str, scaler: bool, able: Any, model: Any
) -> None:
    capability["is"] = able
    assert trainer_class(device, scaler, **model)._train_epoch("rows") == ("rows", torch.float16)


_NAMED = {"avx2": True, "avx512_bf16": False, "amx_bf16": False, "architecture": "x86_64"}


@pytest.mark.parametrize(
    ("device", "amp", "capabilities", "warned"),
    [
        ("cpu", True, _NAMED, True),
        ("cpu", True, {"neon": True, "bf16": False}, True),
        ("cpu", True, {**_NAMED, "avx512_bf16": True}, False),
        ("cpu", True, {**_NAMED, "amx_bf16": True}, False),
        ("cpu", True, {"neon": True, "bf16": True}, False),
        ("cpu", True, {"avx2": True}, False),  # nothing is known
        ("cpu", True, None, False),  # nor here: a torch that cannot be asked
        ("cpu", False, _NAMED, False),
        ("cuda", True, _NAMED, False),
    ],
)
def test_a_processor_that_would_emulate_bfloat16_is_told_of_once_a_training(
    trainer_class: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    device: str,
    amp: bool,
    capabilities: dict[str, Any] | None,
    warned: bool,
) -> None:
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    trainer = trainer_class(device)
    trainer.enable_amp = amp
    assert trainer.fit("rows", verbose=False) == ("rows", False)
    said = [record.message for record in caplog.records]
    assert len(said) == int(warned)
    assert all("set `enable_amp: False`" in each for each in said)


def test_the_models_of_this_package_ask_and_recboles_trainer_listens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import recbole_cammsr  # noqa: F401

    shim.install()
    from recbole.model.sequential_recommender import SASRec
    from recbole.trainer import Trainer

    from recbole_cammsr.model.cammsr import CAMMSR

    assert CAMMSR.amp_dtype == torch.bfloat16
    assert not hasattr(SASRec, "amp_dtype")
    assert hasattr(Trainer._train_epoch, "__wrapped__")

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: _NAMED, raising=False)
    unmade = Trainer.__new__(Trainer)
    unmade.enable_amp, unmade.device, unmade.model = True, torch.device("cpu"), None
    with pytest.raises(AttributeError):
        unmade.fit(None)
    assert "`enable_amp` is True" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_products_are_bfloat16(trainer_class: Any) -> None:
    class Multiplies(trainer_class):  # type: ignore[misc]
        def _train_epoch(self, data: torch.Tensor) -> torch.dtype:
            with torch.autocast(device_type="cuda", enabled=self.enable_amp):
                return (data @ data).dtype

    shim._choose_dtype(SimpleNamespace(Trainer=Multiplies))  # type: ignore[arg-type]
    data = torch.ones(8, 8, device="cuda")
    assert Multiplies(amp_dtype=torch.bfloat16)._train_epoch(data) == torch.bfloat16
    assert Multiplies()._train_epoch(data) == torch.float16
