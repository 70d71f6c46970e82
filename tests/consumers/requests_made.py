# SPDX-License-Identifier: Apache-2.0
"""What would be submitted for a job, and whether it says what the job says.

Nothing leaves this machine: Slurm stops at NeMo-Run's dry run, Lepton at its client, Run:ai at a
loopback server.
Import this module only where NeMo-Run is installed.
"""

from __future__ import annotations

import itertools
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

from nemo_run.core.execution.dgxcloud import DGXCloudExecutor
from nemo_run.core.execution.lepton import LeptonExecutor
from nemo_run.run.ray.dgxcloud import DGXCloudRayJob
from nemo_run.run.ray.lepton import LeptonRayCluster
from nemo_run_jobs import build_executor, executor_arguments, slurm_script
from stand_ins import RecordingLepton, RunAI

Job = dict[str, Any]

#: sbatch's options that say what an argument of NeMo-Run's executor says.
SBATCH_OPTIONS = [
    "account",
    "partition",
    "time",
    "nodes",
    "ntasks_per_node",
    "gpus_per_node",
    "cpus_per_task",
    "mem",
]


def check_slurm_job(job: Job, name: str, home: Path) -> None:
    """Assert that the script of a Slurm job says what the job says."""
    script = slurm_script(job, name, home)
    given = executor_arguments(job)
    shown = f"{name}\n{script}"

    expected = {
        option.replace("_", "-"): str(given[option]) for option in SBATCH_OPTIONS if option in given
    }
    assert expected.keys() >= {"account", "partition", "time", "nodes"}, shown
    options = sbatch_options(script)
    assert {option: options.get(option) for option in expected} == expected, shown
    assert options["output"].startswith(f"{job['remote_job_dir']}/"), shown

    srun = srun_options(script)
    assert srun["--container-image"] == given["container_image"], shown
    *mounts, job_mount = srun["--container-mounts"].split(",")
    assert mounts == given["container_mounts"], shown
    assert job_mount.endswith(":/nemo_run"), shown

    exported = exported_variables(script)
    assert {variable: exported.get(variable) for variable in job["env_vars"]} == job["env_vars"], (
        shown
    )
    missing = [
        line for line in job.get("setup_lines", "").splitlines() if line not in script.splitlines()
    ]
    assert missing == [], shown


def sbatch_options(script: str) -> dict[str, str]:
    """Return the options in the #SBATCH lines."""
    words = [shlex.split(line)[1] for line in script.splitlines() if line.startswith("#SBATCH ")]
    return {
        name: value for name, _, value in (word.removeprefix("--").partition("=") for word in words)
    }


def srun_options(script: str) -> dict[str, str]:
    """Return the options of the one srun that starts the job."""
    (line,) = (line for line in script.splitlines() if line.startswith("srun --output "))
    words = shlex.split(line)
    return {word: value for word, value in itertools.pairwise(words) if word.startswith("--")}


def exported_variables(script: str) -> dict[str, str]:
    """Return the environment that bash makes of the script's export lines."""
    exports = "\n".join(line for line in script.splitlines() if line.startswith("export "))
    command = ["bash", "-ec", f"{exports}\nenv -0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={}, timeout=10)
    assert done.returncode == 0, f"{exports}\n{done.stderr}"
    return dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))


def plain(model: Any) -> Any:
    """Return one of Lepton's own types as what is sent."""
    return json.loads(model.model_dump_json(by_alias=True, exclude_none=True))


def variables(job: Job) -> list[dict[str, str]]:
    """Return the environment variables of a job as both Lepton and Run:ai take them."""
    return [{"name": name, "value": value} for name, value in job["env_vars"].items()]


def check_lepton_job(job: Job, name: str) -> None:
    """Assert that the job that Lepton is asked for says what the job says."""
    executor = build_executor(job)
    assert isinstance(executor, LeptonExecutor), name
    executor._validate_mounts()
    client = RecordingLepton(job["node_group"])
    with mock.patch("nemo_run.core.execution.lepton.APIClient", return_value=client):
        spec = plain(executor.create_lepton_job("job").spec)

    assert spec["container"]["image"] == job["container_image"], name
    assert spec["resource_shape"] == job["resource_shape"], name
    assert spec["completions"] == spec["parallelism"] == job["nodes"], name
    assert spec["shared_memory_size"] == job["shared_memory_size"], name
    assert spec["mounts"] == job["mounts"], name
    assert spec["image_pull_secrets"] == job.get("image_pull_secrets", []), name
    reservation = spec.get("reservation_config", {}).get("reservation_id")
    assert reservation == job.get("node_reservation"), name
    assert spec["envs"] == variables(job), name


def check_lepton_ray_cluster(job: Job, name: str) -> None:
    """Assert that the Ray cluster that Lepton is asked for says what the job says.

    It has no shared memory and no reservation.
    """
    executor = build_executor(job)
    assert isinstance(executor, LeptonExecutor), name
    client = RecordingLepton(job["node_group"])
    with mock.patch("nemo_run.run.ray.lepton.APIClient", return_value=client):
        LeptonRayCluster(name="job", executor=executor).create()
    (cluster,) = client.raycluster.created
    spec = plain(cluster.spec)

    assert spec["image"] == job["container_image"], name
    assert spec["ray_version"] == job["ray_version"], name
    assert spec["image_pull_secrets"] == job.get("image_pull_secrets", []), name
    (workers,) = spec["worker_group_specs"]
    assert workers["min_replicas"] == job["nodes"], name
    for group in (spec["head_group_spec"], workers):
        assert group["resource_shape"] == job["resource_shape"], name
        assert group["mounts"] == job["mounts"], name
        assert group["envs"] == variables(job), name


def check_dgxcloud_job(job: Job, name: str, url: str) -> None:
    """Assert that what Run:ai at a URL is sent says what the job says."""
    executor = dgxcloud_executor(job, url)
    token = executor.get_auth_token()
    project_id, cluster_id = executor.get_project_and_cluster_id(token)
    executor.create_training_job(token, project_id, cluster_id, "job")
    path = check_dgxcloud_requests(job, name)
    assert path == f"/api/v1/workloads/{'distributed' if job['nodes'] > 1 else 'trainings'}", name


def check_dgxcloud_ray_job(job: Job, name: str, url: str) -> None:
    """Assert that what Run:ai at a URL is sent for a step on Ray says what the job says."""
    executor = dgxcloud_executor(job, url)
    # Copying the script to the volume takes a workload of its own.
    with mock.patch.object(DGXCloudExecutor, "deploy_script_to_pvc"):
        DGXCloudRayJob(name="job", executor=executor).start(command="true", workdir="")
    path = check_dgxcloud_requests(job, name)
    assert path == "/api/v1/workloads/distributed", name


def dgxcloud_executor(job: Job, url: str) -> DGXCloudExecutor:
    """Return the executor of a job for the stand-in, which knows the job's project only."""
    RunAI.project = job["project_name"]
    RunAI.received.clear()
    executor = build_executor({**job, "base_url": url})
    assert isinstance(executor, DGXCloudExecutor)
    return executor


def check_dgxcloud_requests(job: Job, name: str) -> str:
    """Assert that Run:ai received the right login and job; return the path of the job."""
    (_, login), (path, sent) = RunAI.received
    assert login["clientId"] == job["client_id"], name
    assert login["clientSecret"] == job["client_secret"], name
    assert (sent["projectId"], sent["clusterId"]) == ("project-id", "cluster-id"), name

    expected = {
        "image": job["container_image"],
        "storage": {"pvc": job["pvcs"]},
        "environmentVariables": variables(job),
        **job.get("custom_spec", {}),
    }
    if path.endswith("/distributed"):
        expected |= {
            "distributedFramework": job["distributed_framework"],
            "minReplicas": job["nodes"],
        }
    assert {key: sent["spec"].get(key) for key in expected} == expected, name
    assert sent["spec"]["compute"]["gpuDevicesRequest"] == job["gpus_per_node"], name
    return str(path)
