# SPDX-License-Identifier: Apache-2.0
"""NeMo-Run builds its executor from every profile, and the job it would submit says what the profile says.

Nothing leaves this machine: Slurm stops at NeMo-Run's dry run, Lepton at its client, DGX Cloud at a loopback server.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from generated_files import CONFIGS, Tables

pytest.importorskip("nemo_run", reason="nemo_run is not installed")

from nemo_run.core.execution import dgxcloud, lepton
from nemo_run.core.tunnel.client import SSHTunnel
from nemo_run_jobs import EXECUTORS, TUNNEL, arguments, build_executor, slurm_script

Resolved = Callable[..., Tables]


def each(tables: Tables) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and profile, one by one; the last name printed is the one on which NeMo-Run raised."""
    for name, profile in tables.items():
        print(name)
        yield name, profile


def profiles_of(resolved: Resolved, executor: str, **site: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The profiles of every config that run on one kind of cluster, named `config-profile`."""
    found = {
        f"{config}-{name}": profile
        for config in CONFIGS
        for name, profile in resolved(config, **site).items()
        if profile["executor"] == executor
    }
    assert found, f"no {executor} profile in {CONFIGS}"
    return each(found)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_table_names_real_arguments(executor: str) -> None:
    executor_class, table = EXECUTORS[executor]
    assert set(table.values()) - {field.name for field in dataclasses.fields(executor_class) if field.init} == set()


def test_the_tunnel_table_names_real_arguments() -> None:
    assert set(TUNNEL.values()) - {field.name for field in dataclasses.fields(SSHTunnel) if field.init} == set()


def test_every_profile_builds_its_executor(resolved: Resolved, config: str) -> None:
    for name, profile in each(resolved(config)):
        executor_class, table = EXECUTORS[profile["executor"]]
        executor = build_executor(profile)
        assert type(executor) is executor_class, name

        expected = arguments(profile, table)
        assert {argument: getattr(executor, argument) for argument in expected} == expected, name
        assert executor.nnodes() == profile["nodes"], name
        if "nprocs_per_node" in profile:
            assert executor.nproc_per_node() == profile["nprocs_per_node"], name
        if profile.get("tunnel") == "ssh":
            expected = arguments(profile, TUNNEL)
            assert {argument: getattr(executor.tunnel, argument) for argument in expected} == expected, name


def sbatch_options(script: str) -> dict[str, str]:
    """The options in the #SBATCH lines."""
    words = [shlex.split(line)[1] for line in script.splitlines() if line.startswith("#SBATCH ")]
    return {name: value for name, _, value in (word.removeprefix("--").partition("=") for word in words)}


def srun_options(script: str) -> dict[str, str]:
    """The options of the one srun that starts the job."""
    (line,) = (line for line in script.splitlines() if line.startswith("srun --output "))
    words = shlex.split(line)
    return {word: value for word, value in itertools.pairwise(words) if word.startswith("--")}


def exported(script: str) -> dict[str, str]:
    """The environment that bash makes of the script's export lines."""
    exports = "\n".join(line for line in script.splitlines() if line.startswith("export "))
    command = ["bash", "-ec", f"{exports}\nenv -0"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={}, timeout=10)
    assert done.returncode == 0, f"{exports}\n{done.stderr}"
    return dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))


def test_slurm_script(resolved: Resolved, tmp_path: Path) -> None:
    for name, profile in profiles_of(resolved, "slurm"):
        script = slurm_script(profile, name, tmp_path)

        keys = {"account", "partition", "time", "nodes", "ntasks_per_node", "gpus_per_node", "cpus_per_task", "mem"}
        expected = {key.replace("_", "-"): str(profile[key]) for key in keys & set(profile)}
        assert expected.keys() >= {"account", "partition", "time", "nodes"}, name
        options = sbatch_options(script)
        assert {key: options.get(key) for key in expected} == expected, f"{name}\n{script}"
        assert options["output"].startswith(profile["remote_job_dir"] + "/"), f"{name}\n{script}"

        srun = srun_options(script)
        assert srun["--container-image"] == profile["container_image"], f"{name}\n{script}"
        *mounts, job_mount = srun["--container-mounts"].split(",")
        assert mounts == profile["mounts"], f"{name}\n{script}"
        assert job_mount.endswith(":/nemo_run"), f"{name}\n{script}"

        environment = exported(script)
        assert {key: environment.get(key) for key in profile["env_vars"]} == profile["env_vars"], f"{name}\n{script}"


class RecordingLepton:
    """Stands in for Lepton's client; the jobs it is given are made of Lepton's own, checked types."""

    def __init__(self, node_group: str) -> None:
        group = SimpleNamespace(metadata=SimpleNamespace(name=node_group, id_="group-id"))
        node = SimpleNamespace(metadata=SimpleNamespace(id_="node-id"))
        self.nodegroup = SimpleNamespace(list_all=lambda: [group], list_nodes=lambda _: [node])
        self.job = SimpleNamespace(create=lambda job: job)


def test_lepton_job(resolved: Resolved, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, profile in profiles_of(resolved, "lepton"):
        monkeypatch.setattr(lepton, "APIClient", functools.partial(RecordingLepton, profile["node_group"]))
        executor = build_executor(profile)
        executor._validate_mounts()
        spec = json.loads(executor.create_lepton_job("job").spec.model_dump_json(by_alias=True, exclude_none=True))

        assert spec["container"]["image"] == profile["container_image"], name
        assert spec["resource_shape"] == profile["resource_shape"], name
        assert spec["completions"] == spec["parallelism"] == profile["nodes"], name
        assert spec["shared_memory_size"] == profile["shared_memory_size"], name
        assert spec["mounts"] == profile["mounts"], name
        assert spec["image_pull_secrets"] == profile.get("image_pull_secrets", []), name
        secrets = [
            {"name": key, "value_from": {"secret_name_ref": secret}}
            for key, secret in profile.get("secret_vars", {}).items()
        ]
        values = [{"name": key, "value": value} for key, value in profile["env_vars"].items()]
        assert spec["envs"] == values + secrets, name


class RunAI(BaseHTTPRequestHandler):
    """The three calls of the Run:ai interface that a submission makes; keeps what it is sent."""

    received: list[tuple[str, Any]]
    project: str

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.received.append((self.path, body))
        self.answer({"accessToken": "token"} if self.path.endswith("/token") else {"workloadId": "1"})

    def do_GET(self) -> None:
        self.answer({"projects": [{"name": self.project, "id": "project-id", "clusterId": "cluster-id"}]})

    def answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output for the test."""


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


def test_dgxcloud_job(resolved: Resolved, run_ai: str) -> None:
    for name, profile in profiles_of(resolved, "dgxcloud", DGXCLOUD_BASE_URL=run_ai):
        RunAI.project = profile["project_name"]
        RunAI.received.clear()
        executor = build_executor(profile)
        assert isinstance(executor, dgxcloud.DGXCloudExecutor)
        token = executor.get_auth_token()
        project_id, cluster_id = executor.get_project_and_cluster_id(token)
        executor.create_training_job(token, project_id, cluster_id, "job")
        (_, login), (path, job) = RunAI.received

        assert (login["clientId"], login["clientSecret"]) == (executor.client_id, executor.client_secret), name
        assert (job["projectId"], job["clusterId"]) == ("project-id", "cluster-id"), name
        nodes = profile["nodes"]
        assert path == f"/api/v1/workloads/{'distributed' if nodes > 1 else 'trainings'}", name
        expected = {
            "image": profile["container_image"],
            "storage": {"pvc": profile["pvcs"]},
            "environmentVariables": [{"name": key, "value": value} for key, value in profile["env_vars"].items()],
            **profile.get("custom_spec", {}),
        }
        if nodes > 1:
            expected |= {"distributedFramework": profile["distributed_framework"], "minReplicas": nodes}
        assert {key: job["spec"].get(key) for key in expected} == expected, name
        assert job["spec"]["compute"]["gpuDevicesRequest"] == profile["gpus_per_node"], name
