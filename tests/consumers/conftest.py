# SPDX-License-Identifier: Apache-2.0
"""The generated files as fixtures: written once per run, read as often as needed."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("generated_files", "requests_made")

from generated_files import (  # noqa: E402
    CONFIGS,
    SUBMITTER,
    Command,
    Tables,
    commands,
    environment,
    environment_variables,
    load_data,
    profiles,
    run_tool,
)
from stand_ins import RunAI  # noqa: E402

#: Import NeMo-Run or OmegaConf, which a search for doctests should not need.
collect_ignore = ["nemo_run_jobs.py", "public_client.py", "requests_made.py"]


@pytest.fixture(params=CONFIGS)
def config(request: pytest.FixtureRequest) -> str:
    """The name of each config in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def site_configs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The path of a site's own config for each bundled one, as sites.json has it."""
    folder = tmp_path_factory.mktemp("sites")
    paths = {}
    for config, site in load_data("sites.json").items():
        path = folder / f"{config}.json"
        path.write_text(json.dumps({"defaults": config, **site["config"]}), encoding="utf-8")
        paths[config] = str(path)
    return paths


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return `generated(config, *words)`, which writes a file and gives its path."""

    @functools.cache
    def generate(config: str, *words: str) -> Path:
        path = tmp_path_factory.mktemp("generated") / "env.toml"
        done = run_tool("-c", config, *words, f"output_path={path}")
        assert done.returncode == 0, (
            f"-c {config} {' '.join(words)}: exit {done.returncode}\n{done.stderr}"
        )
        return path

    return generate


@pytest.fixture(scope="session")
def read(generated: Callable[..., Path]) -> Callable[..., Tables]:
    """Return `read(config, *words)`, which gives the tables of a generated file."""
    tomllib = pytest.importorskip("tomllib", reason="tomllib comes with Python 3.11")
    return lambda config, *words: tomllib.loads(
        generated(config, *words).read_text(encoding="utf-8")
    )


@pytest.fixture(scope="session")
def read_commands(generated: Callable[..., Path]) -> Callable[..., list[Command]]:
    """Return `read_commands(config, *words)`, which gives the commands of a generated file."""
    return lambda config, *words: commands(generated(config, *words).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def resolved(read: Callable[..., Tables]) -> Callable[..., Tables]:
    """Return `resolved(config, **site)`: its profiles, with no site variable set but these."""
    omegaconf = pytest.importorskip("omegaconf", reason="omegaconf is not installed")

    @functools.cache
    def resolve(config: str, **site: str) -> Tables:
        tables = read(config)
        with environment(environment_variables(tables), {**SUBMITTER, **site}):
            return profiles(
                omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create(tables), resolve=True)
            )

    return resolve


@pytest.fixture(scope="session")
def submitted(
    resolved: Callable[..., Tables],
    read: Callable[..., Tables],
    read_commands: Callable[..., list[Command]],
) -> Callable[..., dict[Command, dict[str, Any]]]:
    """Return `submitted(config, **site)`: its commands and the job of each."""
    pytest.importorskip("omegaconf", reason="omegaconf is not installed")
    from public_client import merge_job

    @functools.cache
    def submit(config: str, **site: str) -> dict[Command, dict[str, Any]]:
        by_name = resolved(config, **site)
        with environment(environment_variables(read(config)), {**SUBMITTER, **site}):
            return {
                command: merge_job(by_name[command.profile], command)
                for command in read_commands(config)
            }

    return submit


@pytest.fixture
def run_ai(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base URL of a Run:ai server on loopback."""
    RunAI.received = []
    with HTTPServer(("127.0.0.1", 0), RunAI) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
        server.shutdown()
        thread.join()
