"""The sentence that an error comes to."""

from __future__ import annotations

import pytest
import torch

from recbole_cammsr.run.errors import describe


class ProcessRaisedException(Exception):  # noqa: N818
    """Named like torch's, which carries the traceback of a spawned process as text."""


def test_an_unforeseen_error_names_its_kind_and_the_way_to_more():
    text = describe(RuntimeError("shapes differ\n\nlong C++ stack"))
    assert text == "RuntimeError: shapes differ; rerun with --debug for the traceback"


def test_an_error_without_text_shows_the_line():
    with pytest.raises(AssertionError) as raised:
        raise AssertionError  # as the bare asserts in RecBole's Config do
    assert "raise AssertionError" in describe(raised.value)


def test_a_sentence_raised_by_recbole_is_shown_as_it_is():
    source = "def fail():\n    raise ValueError('a sentence for users')\n"
    names = {"__name__": "recbole.config.configurator"}
    exec(source, names)
    with pytest.raises(ValueError, match="a sentence") as raised:
        names["fail"]()
    assert describe(raised.value) == "a sentence for users"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("int('one two')", "ValueError"),
        ("{}['no such key']", "KeyError"),
        ("[*5]", "TypeError"),
        ("'half' < 1", "TypeError"),
        ("import torch; torch.empty(1e3)", "TypeError"),
        ("import torch; torch.topk(torch.ones(2), 2, dim=7)", "IndexError"),
    ],
)
@pytest.mark.parametrize("module", ["recbole_cammsr.data.settings", "recbole.config.configurator"])
def test_what_python_itself_raises_in_our_code_is_no_sentence(body, kind, module):
    names = {"__name__": module}
    exec(f"def fail():\n    {body}\n", names)
    with pytest.raises((ValueError, LookupError, TypeError)) as raised:
        names["fail"]()
    assert describe(raised.value).startswith(f"{kind}: ")
    assert describe(raised.value).endswith("; rerun with --debug for the traceback")


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(\n        'a sentence '\n        'for users'\n    )",
        "with open('/dev/null'):\n        raise ValueError('a sentence for users')",
        "try:\n        int('x')\n    except ValueError as error:\n"
        "        raise ValueError('a sentence for users') from error",
        "try:\n        raise ValueError('a sentence for users')\n    finally:\n        print()",
    ],
)
def test_every_form_of_raising_is_a_sentence(body):
    names = {"__name__": "recbole_cammsr.data.settings"}
    exec(f"def fail():\n    {body}\n", names)
    with pytest.raises(ValueError, match="a sentence") as raised:
        names["fail"]()
    assert describe(raised.value) == "a sentence for users"


def test_of_a_spawned_process_too_only_what_was_raised_is_a_sentence():
    text = 'Traceback (most recent call last):\n  File "{}", line 1, in f\n    {}\nValueError: a b'
    ours = "/x/site-packages/recbole_cammsr/data/settings.py"
    raised = ProcessRaisedException(text.format(ours, "raise ValueError("))
    assert describe(raised) == "a b"
    for place in ((ours, "int(text)"), ("/x/torch/nn.py", "raise ValueError(")):
        unforeseen = ProcessRaisedException(text.format(*place))
        assert describe(unforeseen) == "ValueError: a b; rerun with --debug for the traceback"


@pytest.mark.parametrize("kind", ["ValueError", "recbole_cammsr.run.errors.RunError"])
@pytest.mark.parametrize("last_is_ours", [True, False])
def test_the_innermost_place_of_a_spawned_process_decides(kind, last_is_ours):
    """A command's own refusal is a sentence wherever the traceback ends."""
    ours = ("/x/recbole_cammsr/run/training.py", f"raise {kind}(")
    others = ("/x/torch/multiprocessing/spawn.py", "fn(i, *args)")
    places = [others, ours] if last_is_ours else [ours, others]
    frames = "\n".join(f'  File "{file}", line 1, in f\n    {code}' for file, code in places)
    text = f"Traceback (most recent call last):\n{frames}\n{kind}: the data have changed"
    said = describe(ProcessRaisedException(text))
    if last_is_ours or "RunError" in kind:
        assert said == "the data have changed"
    else:
        assert said == "ValueError: the data have changed; rerun with --debug for the traceback"


def test_more_places_than_items_are_named_with_the_setting():
    assert "--topk" in describe(RuntimeError("selected index k out of range"))


def test_a_port_in_use_is_named_with_the_setting():
    text = (
        "The server socket has failed to listen on any local network address. code: -98, EADDRINUSE"
    )
    assert "--port" in describe(RuntimeError(text))


@pytest.mark.parametrize("size", [1, 300_000])
def test_a_checkpoint_on_a_full_disk_is_named_with_the_fix(size):
    with pytest.raises(RuntimeError) as raised:
        torch.save({"a": torch.ones(size)}, "/dev/full")
    said = describe(raised.value)
    assert said.startswith("a checkpoint could not be written whole; probably the disk is full: ")
    assert "--checkpoint_dir=FOLDER" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at inline_container.cc:672] . unexpected pos 89472 vs 89364",
        "basic_ios::clear: iostream error",
        "[enforce fail at inline_container.cc:471] . PytorchStreamWriter failed writing file "
        "data/0: file write failed",
    ],
)
def test_a_full_disk_is_known_in_a_spawned_process_too(text):
    places = 'Traceback (most recent call last):\n  File "torch/x.py", line 1, in f\n    f()\n'
    error = ProcessRaisedException(f"{places}RuntimeError: {text}")
    assert describe(error).startswith("a checkpoint could not be written whole")


def test_a_checkpoint_that_cannot_be_read_is_no_full_disk():
    text = (
        "[enforce fail at inline_container.cc:319] . PytorchStreamReader failed reading zip "
        "archive: failed finding central directory"
    )
    assert describe(RuntimeError(text)).startswith("RuntimeError: ")


def test_recbole_missing_says_how_to_install_it():
    missing = ImportError("recbole is not installed: pip install recbole", name="recbole")
    assert describe(missing) == "recbole is not installed: pip install recbole"


def test_another_missing_package_is_named():
    missing = ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")
    assert "No module named 'lightgbm'; install" in describe(missing)


def test_a_cross_entropy_model_with_sampled_negatives_gets_the_fix():
    text = "train_neg_sample_args [{}] should be None when the loss_type is CE."
    assert "--train_neg_sample_args=None" in describe(ValueError(text))


def test_the_error_of_a_spawned_process_is_found_in_its_traceback():
    text = (
        "\n\n-- Process 0 terminated with the following error:\n"
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in f\nValueError: Neither [dataset/x] exists in the device nor [x] '
        "a known dataset name."
    )
    assert describe(ProcessRaisedException(text)).startswith("there is no data set 'x'")


def test_a_file_error_names_the_file(tmp_path):
    with pytest.raises(OSError, match="gone") as raised:
        (tmp_path / "gone").read_text()
    assert str(tmp_path / "gone") in describe(raised.value)


@pytest.mark.parametrize("below", ["", "inside", "far/inside"])
def test_a_file_where_a_folder_is_needed_is_named_with_the_fix(tmp_path, below):
    (tmp_path / "log").write_text("somebody's notes")
    with pytest.raises(OSError, match="log") as raised:
        (tmp_path / "log" / below).mkdir(parents=True, exist_ok=True)
    text = describe(raised.value)
    assert text.startswith(f"{tmp_path / 'log'} is a file, where a folder of that name is needed")
    assert "move or rename it" in text


def test_a_folder_that_is_there_already_is_not_called_a_file(tmp_path):
    with pytest.raises(FileExistsError) as raised:
        tmp_path.mkdir()
    assert describe(raised.value) == f"File exists: {tmp_path}"


@pytest.mark.parametrize("model", ["FDSA", "SASRecF", "GRU4RecF"])
def test_a_field_that_is_not_loaded_is_named_with_its_setting(make_model, model):
    with pytest.raises(KeyError) as refusal:
        make_model(model)  # RecBole's own file names ml-100k's field
    text = describe(refusal.value)
    assert "reads a field 'class' (`selected_features`)" in text
    assert "\n" not in text


def test_another_missing_key_is_not_taken_for_a_field():
    assert "selected_features" not in describe(KeyError("class"))
