# SPDX-License-Identifier: Apache-2.0
"""From a resolved profile to NeMo-Run's executor, and on to the Slurm script it would submit.

Import this module only where NeMo-Run is installed.
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


def _same(keys: str) -> dict[str, str]:
    return {key: key for key in keys.split()}


#: executor in the profile → NeMo-Run's class, and profile key → argument of that class.
#: Keys without a row are read by Nemotron itself, not by NeMo-Run.
EXECUTORS: dict[str, tuple[type[Executor], dict[str, str]]] = {
    "slurm": (
        SlurmExecutor,
        {
            **_same("account partition time nodes ntasks_per_node gpus_per_node cpus_per_task mem exclusive"),
            **_same("container_image env_vars setup_lines"),
            "mounts": "container_mounts",
        },
    ),
    "lepton": (
        LeptonExecutor,
        {
            **_same("container_image nemo_run_dir nodes gpus_per_node nprocs_per_node shared_memory_size env_vars"),
            **_same("resource_shape head_resource_shape node_group node_reservation mounts ray_version"),
            **_same("secret_vars image_pull_secrets pre_launch_commands custom_spec"),
            **_same("can_be_preempted can_preempt queue_priority"),
        },
    ),
    "dgxcloud": (
        DGXCloudExecutor,
        {
            **_same("base_url kube_apiserver_url client_id client_secret project_name pvc_nemo_run_dir"),
            **_same("container_image nodes gpus_per_node nprocs_per_node pvcs distributed_framework"),
            **_same("custom_spec env_vars"),
            "app_id": "client_id",
            "app_secret": "client_secret",
            "dgxcloud_max_args_chars": "MAX_ARGS_CHARS",
        },
    ),
}

#: profile key → argument of NeMo-Run's SSHTunnel, for Slurm profiles with tunnel = "ssh".
TUNNEL = {"host": "host", "user": "user", "identity": "identity", "remote_job_dir": "job_dir"}


def arguments(profile: dict[str, Any], table: dict[str, str]) -> dict[str, Any]:
    """What a profile says for each argument of a table."""
    return {argument: profile[key] for key, argument in table.items() if key in profile}


def build_executor(profile: dict[str, Any]) -> Executor:
    """NeMo-Run's executor for a profile; nothing connects yet."""
    executor_class, table = EXECUTORS[profile["executor"]]
    given = arguments(profile, table)
    if profile.get("tunnel") == "ssh":
        given["tunnel"] = SSHTunnel(**arguments(profile, TUNNEL))
    return executor_class(packager=nemo_run.Packager(), **given)


def slurm_script(profile: dict[str, Any], name: str, home: Path) -> str:
    """The script that NeMo-Run would hand to sbatch, from its own dry run; all that it writes is under home."""
    before = get_nemorun_home()
    set_nemorun_home(str(home))
    try:
        experiment = nemo_run.Experiment("consumers", executor=build_executor(profile))
        # The commands it starts (mkdir) would read pytest's standard input, which refuses to be read.
        with open(os.devnull) as nothing, mock.patch("sys.stdin", nothing), experiment:
            experiment.add(nemo_run.Script(inline="true"), name=name)
            experiment.dryrun(log=False, delete_exp_dir=False)
    finally:
        set_nemorun_home(before)
    (script,) = home.rglob(f"{name}_sbatch.sh")
    return script.read_text(encoding="utf-8")
