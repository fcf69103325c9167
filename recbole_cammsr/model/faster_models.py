"""RecBole's own sequential models with less to compute: ``trim_padding``, ``train_packing``.

Both leave a model's loss, gradient and scores its own, and both are switched on where a model is
made: its class is replaced by a subclass of the same name.
"""

from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any

from recbole_cammsr.model.shared_prefixes import SharedPrefixes
from recbole_cammsr.model.trimmed_padding import TrimmedPadding

#: what is put before a model's class; the first one whose setting is set is taken, and sharing
#: prefixes leaves the padding out as well
FASTER: tuple[type[TrimmedPadding], ...] = (SharedPrefixes, TrimmedPadding)


def offer(module: ModuleType) -> None:
    """Let every sequential model of RecBole read ``trim_padding`` and ``train_packing``.

    Args:
        module: ``recbole.model.abstract_recommender``.
    """
    base = module.SequentialRecommender
    original = base.__init__

    @functools.wraps(original)
    def initialise(self: Any, config: Any, dataset: Any) -> None:
        original(self, config, dataset)
        model_class = type(self)
        if _is_ours(model_class):  # so is what an earlier model's own type made
            return
        wanted = [faster for faster in FASTER if _is_wanted(config, faster.setting)]
        if wanted:
            self.__class__ = with_less_to_compute(model_class, wanted[0])  # type: ignore[arg-type]

    base.__init__ = initialise


@functools.cache
def with_less_to_compute(model_class: type, faster: type[TrimmedPadding]) -> type:
    """A model's class with another way to its own ``forward``.

    Args:
        model_class: has ``forward(item_seq, item_seq_len)`` that gives one vector a row.
        faster: the other way.

    Returns:
        A subclass of the same name.

    Raises:
        ValueError: ``forward`` takes something else.
    """
    taken = list(inspect.signature(model_class.forward).parameters)[1:]  # type: ignore[attr-defined]
    if taken != ["item_seq", "item_seq_len"]:
        raise ValueError(
            f"{faster.setting}: forward of {model_class.__name__} takes ({', '.join(taken)}); only "
            f"models that take (item_seq, item_seq_len) can {faster.purpose}; "
            f"set {faster.setting}: False"
        )

    def reduced(self: Any, protocol: Any) -> tuple[Any, ...]:
        """For pickle and copies: under its name stands the model's own class."""
        return _without_state, (model_class, faster), self.__dict__

    same_name = {"__module__": model_class.__module__, "__qualname__": model_class.__qualname__}
    return type(
        model_class.__name__, (faster, model_class), {**same_name, "__reduce_ex__": reduced}
    )


def _without_state(model_class: type, faster: type[TrimmedPadding]) -> Any:
    made: Any = with_less_to_compute(model_class, faster)  # type: ignore[arg-type]
    return made.__new__(made)


def _is_ours(model_class: type) -> bool:
    """Whether a model is of this package, or made from one: they need no help."""
    package = __name__.partition(".")[0]
    return any(base.__module__.partition(".")[0] == package for base in model_class.__mro__)


def _is_wanted(config: Any, name: str) -> bool:
    value = config[name]  # None where it is not set
    if value not in (None, True, False):
        raise ValueError(f"{name} is {value!r}; it must be True or False")
    return bool(value)
