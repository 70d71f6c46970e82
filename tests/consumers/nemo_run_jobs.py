# SPDX-License-Identifier: Apache-2.0
"""From a job to NeMo-Run's executor, as the public client builds it, and to the Slurm script.

A job is a resolved profile, alone or merged with a command. Import this module only where NeMo-Run
is installed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import nemo_run
from nemo_run.config import get_nemorun_home, set_nemorun_home
from nemo_run.core.execution.base import Executor
from nemo_run.core.execution.dgxcloud import DGXCloudExecutor
from nemo_run.core.execution.lepton import LeptonExecutor
from nemo_run.core.execution.slurm import SlurmExecutor
from nemo_run.core.tunnel.client import SSHTunnel

Arguments = dict[str, tuple[str, ...]]


def _same(names: str) -> Arguments:
    return {name: (name,) for name in names.split()}


_EVERY = {
    **_same("nodes gpus_per_node env_vars"),
    "container_image": ("container_image", "container"),
}

#: executor of a job → NeMo-Run's class, and for each argument of that class the fields of the job
#: that the client gives it, the first one that is set. Other fields the client reads for itself, or
#: nobody does.
EXECUTORS: dict[str, tuple[type[Executor], Arguments]] = {
    "slurm": (
        SlurmExecutor,
        {
            **_EVERY,
            **_same("account time ntasks_per_node cpus_per_task mem exclusive setup_lines"),
            "partition": ("batch_partition", "partition"),
            "container_mounts": ("mounts",),
        },
    ),
    "lepton": (
        LeptonExecutor,
        {
            **_EVERY,
            **_same(
                "nemo_run_dir resource_shape node_group node_reservation mounts shared_memory_size"
            ),
            **_same("ray_version image_pull_secrets pre_launch_commands custom_spec"),
            "nprocs_per_node": ("nprocs_per_node", "ntasks_per_node"),
        },
    ),
    "dgxcloud": (
        DGXCloudExecutor,
        {
            **_EVERY,
            **_same("base_url kube_apiserver_url project_name pvc_nemo_run_dir pvcs custom_spec"),
            **_same("distributed_framework"),
            "client_id": ("client_id", "app_id"),
            "client_secret": ("client_secret", "app_secret"),
            "nprocs_per_node": ("nprocs_per_node", "ntasks_per_node"),
            "MAX_ARGS_CHARS": ("dgxcloud_max_args_chars",),
        },
    ),
}

#: argument of NeMo-Run's SSHTunnel → the field of a Slurm job
TUNNEL: Arguments = {**_same("host user identity"), "job_dir": ("remote_job_dir",)}


def arguments(job: dict[str, Any], table: Arguments) -> dict[str, Any]:
    """Return what a job says for each argument of a table."""
    given = {}
    for argument, fields in table.items():
        values = [job[field] for field in fields if job.get(field) not in (None, "")]
        if values:
            given[argument] = values[0]
    return given


def executor_arguments(job: dict[str, Any]) -> dict[str, Any]:
    """Return what a job says for each argument of its executor, the tunnel apart."""
    _, table = EXECUTORS[job["executor"]]
    given = arguments(job, table)
    if job["executor"] == "slurm" and job.get("lustre_mount"):
        given["container_mounts"] = [*given["container_mounts"], job["lustre_mount"]]
    return given


def build_executor(job: dict[str, Any]) -> Executor:
    """Return NeMo-Run's executor for a job; nothing connects yet."""
    executor_class, _ = EXECUTORS[job["executor"]]
    given = executor_arguments(job)
    if job.get("tunnel") == "ssh":
        given["tunnel"] = SSHTunnel(**arguments(job, TUNNEL))
    return executor_class(packager=nemo_run.Packager(), **given)


def slurm_script(job: dict[str, Any], name: str, home: Path) -> str:
    """Return the script that NeMo-Run's own dry run, which writes under home, would submit."""
    before = get_nemorun_home()
    set_nemorun_home(str(home))
    try:
        experiment = nemo_run.Experiment("consumers", executor=build_executor(job))
        # The commands it starts (mkdir) would read pytest's standard input, which refuses that.
        with open(os.devnull) as nothing, mock.patch("sys.stdin", nothing), experiment:
            experiment.add(nemo_run.Script(inline="true"), name=name)
            experiment.dryrun(log=False, delete_exp_dir=False)
    finally:
        set_nemorun_home(before)
    (script,) = home.rglob(f"{name}_sbatch.sh")
    return script.read_text(encoding="utf-8")
