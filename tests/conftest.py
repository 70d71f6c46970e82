"""Fixtures for all tests; the properties try the same examples every time."""

from __future__ import annotations

import functools
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("cli", "helpers")
import cli  # noqa: E402

sys.path.insert(0, str(cli.ROOT))  # the tests import this very env_toml, not an installed one
import env_toml  # noqa: E402

settings.register_profile(
    "same-every-time",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine is no defect
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("same-every-time")


@pytest.fixture
def run(tmp_path):
    """Run env_toml.py with the given words, in a folder of the test's own: see `cli.run`."""
    return functools.partial(cli.run, cwd=tmp_path)


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """Give the test's own process the clean environment and folder, for calls without a subprocess."""
    for name in os.environ.keys() - cli.environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call(clean, capsys):
    """Run env_toml.main in this process: the same as the command, for tests with many runs."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            env_toml.main(list(words))
        return cli.Answer(ended.value.code, *capsys.readouterr())

    return call
