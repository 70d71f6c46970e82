# SPDX-License-Identifier: Apache-2.0
"""What the public step CLI makes of a profile and a command, at commit e27b371 of 2026-08-21.

Import this module only where OmegaConf is installed.
"""

from __future__ import annotations

from typing import Any

from generated_files import Command, load_data
from omegaconf import OmegaConf

#: `step-id -c config` → what that step's own config sets under run.env
STEP_VALUES: dict[str, dict[str, Any]] = load_data("step_values.json")

#: Steps that run on a Ray cluster.
RAY_STEPS = {"rl/nemo_rl/dpo", "rl/nemo_rl/rlhf", "rl/nemo_rl/rlvr"}


def _names(text: str) -> list[str]:
    return text.split()


#: The fields of a profile that the client reads, whatever the executor.
READ_ALWAYS = _names("""
    executor extends container_image container nodes gpus_per_node env_vars
    startup_commands remote_job_dir launcher
""")

#: executor → the fields that the client reads for it besides
READ_FOR = {
    "slurm": _names("""
        tunnel host user identity
        account partition run_partition batch_partition time
        ntasks_per_node cpus_per_task mem exclusive setup_lines mounts lustre_mount
        build_partition build_time build_include_gpus build_gpus_per_node
        build_cache_dir build_image
    """),
    "lepton": _names("""
        nemo_run_dir resource_shape node_group node_reservation ray_version existing_ray_cluster
        nprocs_per_node ntasks_per_node shared_memory_size mounts pvcs image_pull_secrets
        pre_launch_commands custom_spec pip_extras repo_root run_command workspace
    """),
    "dgxcloud": _names("""
        base_url kube_apiserver_url client_id client_secret app_id app_secret project_name
        pvc_nemo_run_dir pvcs nprocs_per_node ntasks_per_node distributed_framework custom_spec
        dgxcloud_max_args_chars pip_extras repo_root run_command workspace
    """),
}

#: The fields that look as if somebody read them.
READ_BY_NOTHING = _names("""
    secret_vars head_resource_shape can_be_preempted can_preempt queue_priority
    department code_src_dir qos constraint reservation gres exclude port packager
""")


def fields_read(executor: str) -> set[str]:
    """Return the fields of a profile that the client reads for an executor."""
    return {*READ_ALWAYS, *READ_FOR[executor]}


def step_values(command: Command) -> dict[str, Any]:
    """Return what the own config of a command's step sets."""
    return STEP_VALUES[f"{command.step} -c {command.config}"]


def word_values(command: Command) -> dict[str, Any]:
    """Return what the words of a command set under run.env, interpolations resolved."""
    words: Any = OmegaConf.to_container(OmegaConf.from_dotlist(list(command.words)), resolve=True)
    values: dict[str, Any] = words.get("run", {}).get("env", {})
    assert "mounts" not in values, f"would replace the mounts: {command.line}"
    return values


def merge_job(
    profile: dict[str, Any], command: Command, *, with_words: bool = True
) -> dict[str, Any]:
    """Merge a resolved profile, the step's own config and the words: later wins, mounts add up."""
    step = step_values(command)
    job = {**profile, **step}
    if with_words:
        job |= word_values(command)
    mounts = [*step.get("mounts", []), *profile.get("mounts", [])]
    # The client clones what auto_mount names, and mounts that by itself.
    job["mounts"] = [mount for mount in mounts if not str(mount).startswith("${auto_mount:")]
    return job
