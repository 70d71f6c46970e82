# SPDX-License-Identifier: Apache-2.0
"""The generated files as fixtures: written once per run, read as often as needed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from generated_files import CONFIGS, Tables, environment_variables, profiles, run_tool

#: Imports NeMo-Run, which a search for doctests should not need.
collect_ignore = ["nemo_run_jobs.py"]


@pytest.fixture(params=CONFIGS)
def config(request: pytest.FixtureRequest) -> str:
    """The name of each config in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return `generated(config, *words)`, which writes a file and gives its path."""

    @functools.cache
    def generate(config: str, *words: str) -> Path:
        path = tmp_path_factory.mktemp(config) / f"env.{config}.toml"
        done = run_tool("-c", config, *words, f"output_path={path}")
        assert done.returncode == 0, f"-c {config} {' '.join(words)}: exit {done.returncode}\n{done.stderr}"
        return path

    return generate


@pytest.fixture(scope="session")
def read(generated: Callable[..., Path]) -> Callable[..., Tables]:
    """Return `read(config, *words)`, which gives the tables of a generated file."""
    tomllib = pytest.importorskip("tomllib", reason="tomllib comes with Python 3.11")
    return lambda config, *words: tomllib.loads(generated(config, *words).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def resolved(read: Callable[..., Tables]) -> Callable[..., Tables]:
    """Return `resolved(config, **site)`: its profiles as OmegaConf resolves them with no site variable but these."""
    omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")

    def resolve(config: str, **site: str) -> Tables:
        tables = read(config)
        with pytest.MonkeyPatch.context() as environment:
            for name in environment_variables(tables):
                environment.delenv(name, raising=False)
            for name, value in {"USER": "tester", **site}.items():
                environment.setenv(name, value)
            return profiles(omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create(tables), resolve=True))

    return resolve
