# SPDX-License-Identifier: Apache-2.0
"""A Slurm controller of our own: on loopback, its state in one folder, its nodes on paper."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: Cloud nodes need no slurmd to be schedulable. NoCtldInAddrAny: listen on SlurmctldHost's address
#: only.
CONF = """
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoCtldInAddrAny
SlurmUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
GresTypes=gpu
SlurmdParameters=config_overrides
SuspendProgram=/bin/true
ResumeProgram=/bin/true
SuspendTime=60
NodeName=node[1-8] State=CLOUD CPUs=128 RealMemory=1000000 Gres=gpu:8
PartitionName=tests Nodes=ALL Default=YES
"""

#: The commands needed, to look for before a controller is started.
COMMANDS = ("munged", "slurmctld", "scontrol", "sbatch")
DEADLINE_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"{what} is not up (exit status {process.returncode}):\n{log.read_text()}"
            )
        time.sleep(0.05)


@contextlib.contextmanager
def running(
    command: list[str], folder: Path, env: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a server in the foreground, ended on the way out; give also the path of its log."""
    log = folder / f"{command[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env
        )
    try:
        yield process, log
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def slurm_controller(partitions: set[str]) -> Iterator[dict[str, str]]:
    """Run munged and slurmctld with these partitions; give Slurm's commands' environment."""
    # Not pytest's tmp_path: a socket's path has 107 characters at most, and munged wants a folder
    # that all may enter.
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, contextlib.ExitStack() as servers:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))
        conf = folder / "slurm.conf"
        user = pwd.getpwuid(os.getuid()).pw_name
        text = CONF.format(port=free_port(), user=user, folder=folder)
        conf.write_text(
            text + "".join(f"PartitionName={name} Nodes=ALL\n" for name in sorted(partitions))
        )
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SLURM_", "SBATCH_"))
        }
        env["SLURM_CONF"] = str(conf)

        files = [f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "pid", "seed", "log")]
        sock = folder / "munge.socket"
        munged = ["munged", "--foreground", f"--socket={sock}", *files]
        wait_until(sock.exists, "munged", *servers.enter_context(running(munged, folder, env)))

        def answers() -> bool:
            return (
                subprocess.run(
                    ["scontrol", "ping"], check=False, env=env, capture_output=True
                ).returncode
                == 0
            )

        wait_until(
            answers, "slurmctld", *servers.enter_context(running(["slurmctld", "-D"], folder, env))
        )
        yield env
