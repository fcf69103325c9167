"""What a command does to the process ends with it."""

from __future__ import annotations

import os
import sys

import pytest

from recbole_cammsr.cli import arguments
from recbole_cammsr.run.command import guarded
from recbole_cammsr.run.process_state import put_back


@pytest.mark.parametrize("error", [None, ValueError("no"), SystemExit(0)])
def test_a_command_leaves_its_settings_in_neither_arguments_nor_environment(monkeypatch, error):
    held = ["prog", "--mine"]
    monkeypatch.setattr(sys, "argv", held)
    monkeypatch.setenv("CHANGED", "before")
    monkeypatch.setenv("REMOVED", "before")
    monkeypatch.delenv("ADDED", raising=False)
    environment = dict(os.environ)

    def body(_):
        arguments.hand_to_recbole(["--epochs=1"], model="SASRec")
        assert sys.argv == ["prog", "--model=SASRec", "--epochs=1"]
        os.environ.update(CHANGED="after", ADDED="after")
        del os.environ["REMOVED"]
        if error is not None:
            raise error
        return 0

    try:
        guarded("command", body, [])
    except SystemExit:
        assert isinstance(error, SystemExit)
    assert sys.argv is held
    assert held == ["prog", "--mine"]
    assert dict(os.environ) == environment


def test_another_list_of_arguments_is_replaced_too(monkeypatch):
    held = ["prog"]
    monkeypatch.setattr(sys, "argv", held)
    with put_back():
        sys.argv = ["other"]
    assert sys.argv is held
