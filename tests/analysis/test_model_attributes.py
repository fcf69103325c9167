"""Whatever a model changes in its attributes is told, kept without pickles, and put back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from torch import nn

from recbole_cammsr.analysis.model_attributes import ModelAttributes


class Drawing(nn.Module):
    """Has an attribute of every kind, in a module of its own."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 3)
        inner = self.inner
        inner.count, inner.rate, inner.name, inner.nothing = 0, 0.5, "a", None
        inner.not_a_number = float("nan")
        inner.losses = torch.zeros(2, 3)
        inner.view = inner.losses[0]
        inner.order = np.arange(5)
        inner.order.flags.writeable = True
        inner.given = np.arange(3.0)
        inner.given.flags.writeable = False
        inner.generator = torch.Generator().manual_seed(1)
        inner.seen = [1, (2.0, [np.ones(2)]), {"a": torch.ones(1), 3: "b"}]
        inner.words = np.array(["a", "b"], dtype=object)
        inner.other = object()
        inner.weights = [inner.weight]


def of_file(values):
    file = io.BytesIO()
    torch.save(values, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def count(inner):
    inner.count += 1


def replace_tensor(inner):
    inner.losses = inner.losses + 3.0  # the view still has what it had


def write_tensor(inner):
    inner.losses[1, 2] = 4.0


def write_view(inner):
    inner.view += 1.0


def shuffle(inner):
    inner.order[:] = inner.order[::-1].copy()


def other_array(inner):
    inner.order = inner.order.astype(np.float32)


def other_given(inner):
    inner.given = inner.given + 1


def draw(inner):
    torch.rand(3, generator=inner.generator)


def reshape(inner):
    inner.order.shape = (5, 1)


def deep_array(inner):
    inner.seen[1][1][0][1] = 7.0


def deep_tensor(inner):
    inner.seen[2]["a"].add_(1)


def grow(inner):
    inner.seen.append(True)


def begin(inner):
    inner.new = (1, "b")


def end(inner):
    inner.rate = None


def begin_empty(inner):
    inner.new = None


def other_kind(inner):
    inner.order = inner.order.view(np.uint64)


def list_for_tuple(inner):
    inner.seen[1] = list(inner.seen[1])


def other_key(inner):
    inner.seen[2] = {"a": inner.seen[2]["a"], 4: "b"}


def as_whole_number(inner):
    inner.rate, inner.count = 1, False


CHANGES = {
    count: {"count"},
    replace_tensor: {"losses"},
    write_tensor: {"losses", "view"},  # they share their memory
    write_view: {"losses", "view"},
    shuffle: {"order"},
    other_array: {"order"},
    other_given: {"given"},
    draw: {"generator"},
    reshape: {"order"},
    deep_array: {"seen"},
    deep_tensor: {"seen"},
    grow: {"seen"},
    begin: {"new"},
    end: {"rate"},
    begin_empty: {"new"},
    other_kind: {"order"},
    list_for_tuple: {"seen"},
    other_key: {"seen"},
    as_whole_number: {"rate", "count"},
}


def as_bytes(value):
    if isinstance(value, torch.Generator):
        return value.get_state().tolist()
    if isinstance(value, torch.Tensor):
        return str(value.dtype), value.tolist()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tolist()
    if isinstance(value, (list, tuple)):
        return type(value), [as_bytes(each) for each in value]
    if isinstance(value, dict):
        return [(key, as_bytes(value[key])) for key in value]
    return type(value), value


def plain(module):
    hidden = {"other", "weights", "words", "not_a_number"}
    return {
        name: as_bytes(value)
        for name, value in vars(module).items()
        if name not in hidden and not name.startswith("_")
    }


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_changed_is_told_and_put_back(change):
    model, fresh = Drawing(), Drawing()
    attributes, of_fresh = ModelAttributes(model), ModelAttributes(fresh)
    assert attributes.changed() == {}
    change(model.inner)
    changed = attributes.changed()
    assert set(changed) == {f"inner.{name}" for name in CHANGES[change]}
    of_fresh.put_back(of_file(changed))
    assert plain(fresh.inner) == plain(model.inner)
    assert set(of_fresh.changed()) == set(changed)
    shared = [each.inner.view.data_ptr() == each.inner.losses.data_ptr() for each in (model, fresh)]
    assert shared[0] == shared[1] == (change is not replace_tensor)


def test_other_objects_and_what_every_module_has_are_not_told():
    model = Drawing()
    inner = model.inner
    inner.frozen = [nn.Parameter(torch.ones(2), requires_grad=False)]
    inner.graph = torch.ones(2, requires_grad=True) * 2
    setattr(inner, "of.another", 1)
    attributes = ModelAttributes(model)
    inner.other = object()
    inner.words[0] = "c"
    inner.weights.append(3)
    inner.mixed, inner.by_object, inner.by_type = [1, object()], {object(): 1}, {"a": int}
    with torch.no_grad():
        inner.frozen[0].add_(1)
    inner.graph = inner.graph + 1
    setattr(inner, "of.another", 2)
    model.eval()
    inner.register_buffer("table", torch.ones(1))
    assert attributes.changed() == {}


def test_what_is_put_back_can_be_changed_further():
    model, fresh = Drawing(), Drawing()
    attributes = ModelAttributes(model)
    other_array(model.inner)
    ModelAttributes(fresh).put_back(of_file(attributes.changed()))
    fresh.inner.order[0] = 9
    assert fresh.inner.order.tolist() == [9, 1, 2, 3, 4]


@pytest.mark.parametrize("now", [None, np.arange(3), np.arange(5).astype(np.int8), torch.ones(5)])
def test_a_value_that_does_not_fit_into_the_object_replaces_it(now):
    model, fresh = Drawing(), Drawing()
    attributes = ModelAttributes(model)
    shuffle(model.inner)
    model.inner.losses.resize_(1, 3)
    fresh.inner.order = now
    ModelAttributes(fresh).put_back(attributes.changed())
    assert as_bytes(fresh.inner.order) == as_bytes(model.inner.order)
    assert fresh.inner.losses.shape == (1, 3)


def test_what_was_told_does_not_follow_later_changes():
    model = Drawing()
    attributes = ModelAttributes(model)
    write_tensor(model.inner)
    shuffle(model.inner)
    changed = attributes.changed()
    model.inner.losses.zero_()
    shuffle(model.inner)
    fresh = Drawing()
    ModelAttributes(fresh).put_back(changed)
    assert fresh.inner.losses[1, 2] == 4.0
    assert fresh.inner.order.tolist() == [4, 3, 2, 1, 0]


def test_attributes_of_the_model_itself_and_of_absent_modules():
    model, fresh = nn.Linear(1, 1), nn.Linear(1, 1)
    attributes = ModelAttributes(model)
    model.steps = 3
    assert list(attributes.changed()) == [".steps"]
    ModelAttributes(fresh).put_back(attributes.changed())
    assert fresh.steps == 3
    with pytest.raises(KeyError, match="inner"):
        ModelAttributes(fresh).put_back({"inner.steps": (False, ("value", 3))})


@pytest.mark.parametrize("replaced", [True, False])
def test_a_list_or_dictionary_that_others_hold_is_changed_in_place(replaced):
    model, fresh = Drawing(), Drawing()
    for each in (model, fresh):
        each.by_name = {"a": 1}
    attributes = ModelAttributes(model)
    model.by_name["b"] = 2
    del model.by_name["a"]
    if replaced:
        model.inner.seen = list(model.inner.seen)
    grow(model.inner)
    held, by_name = fresh.inner.seen, fresh.by_name
    ModelAttributes(fresh).put_back(attributes.changed())
    assert (held is fresh.inner.seen) != replaced
    assert fresh.inner.seen[-1] is True
    assert by_name == fresh.by_name == {"b": 2}
    assert by_name is fresh.by_name


def test_tensors_of_inference_mode_count_as_they_stand():
    model = nn.Linear(1, 1)
    with torch.inference_mode():
        model.table = torch.ones(2)
    attributes = ModelAttributes(model)
    assert attributes.changed() == {}
    with torch.inference_mode():
        model.table = torch.zeros(2)
    fresh = nn.Linear(1, 1)
    with torch.inference_mode():
        fresh.table = torch.ones(2)
    ModelAttributes(fresh).put_back(of_file(attributes.changed()))
    assert fresh.table.tolist() == [0.0, 0.0]
