"""Fixtures for all tests, and how the properties explore.

Each run tries other examples. The seed that repeats them stands at the end of a run in CI, and of
one with a failure: `pytest --hypothesis-seed=SEED`, with `CI=1` before it where CI printed it.
"""

from __future__ import annotations

import functools
import os
import random
import signal
import sys
import types
from unittest import mock

import pytest

# pytest would rewrite the asserts of all of hypothesis, which is a plugin to it; where no bytecode
# may be kept (PYTHONDONTWRITEBYTECODE), that is more than a second in every process of every run.
PLAIN_FINDERS = [finder for finder in sys.meta_path if "_pytest." not in type(finder).__module__]
with mock.patch.object(sys, "meta_path", PLAIN_FINDERS):
    from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("cli", "helpers")
import cli  # noqa: E402

sys.path.insert(0, str(cli.ROOT))  # the tests import this very env_toml, not an installed one
import env_toml  # noqa: E402

IN_CI = bool(os.environ.get("CI"))
COMMON = {
    "database": None,  # the seed repeats a run, nothing is left in the folder
    "deadline": None,  # a busy machine is no defect
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
settings.register_profile("few", max_examples=10, **COMMON)
settings.register_profile("many", max_examples=100, **COMMON)
settings.load_profile("many" if IN_CI else "few")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Choose the seed of the properties here, so that it can be told and all workers share it."""
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.randrange(2**32))


def pytest_deselected(items):
    """Keep what a worker leaves out, to be told by the process that started it."""
    config = items[0].config
    if hasattr(config, "workeroutput"):
        config.workeroutput["left out"] = [item.nodeid for item in items]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Count what the workers left out, which pytest-xdist does not; each leaves out the same."""
    reporter = node.config.pluginmanager.get_plugin("terminalreporter")
    names = getattr(node, "workeroutput", {}).get("left out", [])
    reporter.stats["deselected"] = [types.SimpleNamespace(nodeid=name) for name in names]


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    if IN_CI or exitstatus:
        seed = config.option.hypothesis_seed
        terminalreporter.write_line(f"the properties explored with --hypothesis-seed={seed}")


@pytest.fixture
def run(tmp_path):
    """Run env_toml.py with the given words, in a folder of the test's own: see `cli.run`."""
    return functools.partial(cli.run, cwd=tmp_path)


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """Give the test's own process the clean environment and folder, for calls in it."""
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

    before = signal.getsignal(signal.SIGINT)
    yield call
    signal.signal(signal.SIGINT, before)
