"""The environment that decides how threads wait, before torch reads it."""

from __future__ import annotations

import os

import pytest

from recbole_cammsr.run.command import guarded
from recbole_cammsr.run.cpu_threads import thread_settings, wait_settings


def test_threads_spin_for_a_moment_and_sleep():
    assert wait_settings({"HOME": "/"}) == {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}


@pytest.mark.parametrize("decided", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_what_the_user_has_decided_stays(decided):
    assert wait_settings({decided: "ACTIVE"}) == {}


def test_a_worker_has_as_many_as_it_is_given_and_waits_as_the_command_does():
    count = {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
    assert thread_settings(3, {}) == {**count, **wait_settings({})}
    assert thread_settings(3, {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "8"}) == count


def test_a_command_has_them_before_its_body_runs(monkeypatch):
    for key in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(key, "")  # put back, whatever the command sets
        monkeypatch.delenv(key)
    seen = {}

    def body(arguments):
        seen.update(os.environ)
        return 0

    assert guarded("command", body, []) == 0
    assert (seen["OMP_WAIT_POLICY"], seen["GOMP_SPINCOUNT"]) == ("PASSIVE", "1000")
