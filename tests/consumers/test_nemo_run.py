# SPDX-License-Identifier: Apache-2.0
"""NeMo-Run builds its executor from every profile, and would submit what the profile says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from generated_files import CONFIGS, Tables

pytest.importorskip("nemo_run", reason="nemo_run is not installed")

from nemo_run.core.tunnel.client import SSHTunnel
from nemo_run_jobs import EXECUTORS, TUNNEL, arguments, build_executor, executor_arguments
from public_client import READ_BY_NOTHING, fields_read
from requests_made import (
    check_dgxcloud_job,
    check_lepton_job,
    check_lepton_ray_cluster,
    check_slurm_job,
)

Resolved = Callable[..., Tables]

#: executor → fields that the public profiles set although the client does not read them
PUBLIC_BUT_UNREAD = {
    "slurm": {"workspace", "run_command"},
    "lepton": {"code_src_dir"},
    "dgxcloud": {"code_src_dir", "department"},
}


def each(tables: Tables) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and profile; the last name printed is the one on which NeMo-Run raised."""
    for name, profile in tables.items():
        print(name)
        yield name, profile


def profiles_of(resolved: Resolved, executor: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the profiles of every config for one kind of cluster, named `config-profile`."""
    found = {
        f"{config}-{name}": profile
        for config in CONFIGS
        for name, profile in resolved(config).items()
        if profile["executor"] == executor
    }
    assert found, f"no {executor} profile in {CONFIGS}"
    return each(found)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_table_names_real_arguments(executor: str) -> None:
    executor_class, table = EXECUTORS[executor]
    assert (
        table.keys() - {field.name for field in dataclasses.fields(executor_class) if field.init}
        == set()
    )


def test_the_tunnel_table_names_real_arguments() -> None:
    assert (
        TUNNEL.keys() - {field.name for field in dataclasses.fields(SSHTunnel) if field.init}
        == set()
    )


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_table_names_fields_that_the_client_reads(executor: str) -> None:
    _, table = EXECUTORS[executor]
    used = {field for fields in table.values() for field in fields}
    assert used - fields_read(executor) == set()
    assert fields_read(executor) & set(READ_BY_NOTHING) == set()


def test_the_client_reads_every_field_of_every_profile(resolved: Resolved, config: str) -> None:
    unread = {}
    for name, profile in resolved(config).items():
        executor = profile["executor"]
        fields = profile.keys() - fields_read(executor) - PUBLIC_BUT_UNREAD[executor]
        if fields:
            unread[name] = fields
    assert unread == {}


def test_every_profile_builds_its_executor(resolved: Resolved, config: str) -> None:
    for name, profile in each(resolved(config)):
        executor_class, _ = EXECUTORS[profile["executor"]]
        executor = build_executor(profile)
        assert type(executor) is executor_class, name

        expected = executor_arguments(profile)
        assert {argument: getattr(executor, argument) for argument in expected} == expected, name
        assert executor.nnodes() == profile["nodes"], name
        if "nprocs_per_node" in profile:
            assert executor.nproc_per_node() == profile["nprocs_per_node"], name
        if profile.get("tunnel") == "ssh":
            expected = arguments(profile, TUNNEL)
            assert {
                argument: getattr(executor.tunnel, argument) for argument in expected
            } == expected, name


def test_slurm_script(resolved: Resolved, tmp_path: Path) -> None:
    for name, profile in profiles_of(resolved, "slurm"):
        check_slurm_job(profile, name, tmp_path)


def test_lepton_job(resolved: Resolved) -> None:
    for name, profile in profiles_of(resolved, "lepton"):
        check_lepton_job(profile, name)


def test_lepton_ray_cluster(resolved: Resolved) -> None:
    for name, profile in profiles_of(resolved, "lepton"):
        check_lepton_ray_cluster(profile, name)


def test_dgxcloud_job(resolved: Resolved, run_ai: str) -> None:
    for name, profile in profiles_of(resolved, "dgxcloud"):
        check_dgxcloud_job(profile, name, run_ai)
