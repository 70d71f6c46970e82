# SPDX-License-Identifier: Apache-2.0
"""A Slurm controller accepts every Slurm job; sbatch, pyxis and the tool agree on values."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from generated_files import CONFIGS, Command, Tables, run_tool
from pyxis import takes_mounts
from slurm_controller import COMMANDS, slurm_controller

Sbatch = Callable[..., "subprocess.CompletedProcess[str]"]
Refusals = dict[str, str]
Verdicts = dict[str, bool]
Differences = dict[str, tuple[bool, bool, str]]

#: time → whether both sbatch and the tool accept it
TIMES = {
    # minutes
    "5": True,
    "90": True,
    "05": True,
    "0": True,  # no limit
    "00": True,
    "99999999999": True,  # wraps round, without a word
    # minutes:seconds, each of any size
    "5:30": True,
    "90:90": True,
    "0:90": True,
    "0:0": True,
    # hours:minutes:seconds
    "1:00:00": True,
    "02:00:00": True,
    "100:00:00": True,
    "1:90:90": True,
    "0:00:00": True,
    # days-hours[:minutes[:seconds]]
    "1-0": True,
    "1-12": True,
    "1-99": True,
    "1-12:30": True,
    "1-12:30:15": True,
    "01-01:01:01": True,
    "0-0": True,
    "0-0:0:0": True,
    "365-0": True,
    # words, in any case
    "UNLIMITED": True,
    "unlimited": True,
    "UnLimited": True,
    "INFINITE": True,
    "infinite": True,
    "InFinite": True,
    # other words
    "UNLIM": False,
    "UNLIMITEDx": False,
    "INFINITE ": False,
    "inf": False,
    "max": False,
    "none": False,
    "abc": False,
    # units
    "12h": False,
    "5m": False,
    "5s": False,
    "1d": False,
    "1-12h": False,
    # too many, too few or misplaced parts
    "": False,
    " ": False,
    "-": False,
    "--": False,
    ":": False,
    "::": False,
    ":30": False,
    "1:": False,
    "1:2:": False,
    "1:00:00:": False,
    "1::2": False,
    "1:2:3:4": False,
    "0:0:0:0": False,
    "1-2:": False,
    "1-2:3:": False,
    "1-:3": False,
    "1-2:3:4:5": False,
    "1-2-3": False,
    "1:2-3": False,
    "1:2:3-4": False,
    # signs
    "+5": False,
    "+1-2": False,
    "1-+2": False,
    "1:-2": False,
    "1--2": False,
    "--1": False,
    "-1-1": False,
    # what only looks like a number
    "1 ": False,
    " 1": False,
    "1\t": False,
    "1\n": False,
    "1 2": False,
    "1.5": False,
    "1,5": False,
    "1e3": False,
    "1_000": False,
    "0x10": False,
    "1/2": False,
    "١": False,  # ARABIC-INDIC DIGIT ONE
    "１": False,  # FULLWIDTH DIGIT ONE
}

#: time → (does sbatch accept it, does the tool, what sbatch makes of it), with Slurm 22.05
KNOWN_TIME_DIFFERENCES = {
    "-1": (True, False, "read as UNLIMITED"),
    "-0": (True, False, "read as 0, no limit"),
    "-5": (True, False, "wraps round to 8000 years"),
    "1-": (True, False, "read as 1-0"),
    "4294967293": (False, True, "too large: wraps round, here to a value that sbatch refuses"),
}

#: mount → whether both pyxis and the tool accept it
MOUNTS = {
    # a source, also as the target
    "/lustre": True,
    "./code": True,
    ".": True,
    # a source and a target
    "/lustre:/lustre": True,
    "/lustre/team-a:/workspace": True,
    "./code:/code": True,
    "../code:/code": True,
    "tmpfs:/scratch": True,
    "umount:/mnt/old": True,
    # flags
    "/data:/data:ro": True,
    "/data:/data:ro+rprivate": True,
    "tmpfs:/scratch:size=10G": True,
    # nothing where something is due
    "": False,
    ":": False,
    ":/data": False,
    "/data:": False,
    "/data::ro": False,
    # neither a path nor a word that pyxis knows
    "lustre": False,
    "lustre:/lustre": False,
    "~/data:/data": False,
    "$HOME:/data": False,
    "tmpfs": False,
    "umount": False,
    "/data:data": False,
    # what follows a comma is a mount of its own
    "/a,b:/data": False,
    "/data:/data:ro,rprivate": False,
    "/data:/data,": False,
}

#: mount → (does pyxis accept it, does the tool, what becomes of it), as pyxis.py has it
KNOWN_MOUNT_DIFFERENCES = {
    "/data:/data:": (True, False, "the empty flags are dropped"),
    "/data:/data:ro+": (True, False, "an empty flag for enroot"),
    "/data:/data:ro:rw": (True, False, "one flag with a colon for enroot"),
    "/data:./data": (True, False, "a target below wherever the container is unpacked"),
    "/a,/b": (True, False, "two mounts"),
    "/my data:/data": (True, False, "four fields instead of three for enroot"),
}


def said_by_slurm(agreed: Verdicts, differences: Differences) -> Verdicts:
    """Return the verdicts of sbatch or pyxis on all values."""
    return {**agreed, **{value: by_slurm for value, (by_slurm, _, _) in differences.items()}}


def said_by_tool(agreed: Verdicts, differences: Differences) -> Verdicts:
    """Return the verdicts of the tool on all values."""
    return {**agreed, **{value: by_tool for value, (_, by_tool, _) in differences.items()}}


def rows(verdicts: Verdicts) -> list[object]:
    """Return verdicts as the parameters of a test."""
    return [pytest.param(value, accepted, id=ascii(value)) for value, accepted in verdicts.items()]


TIMES_OF_SBATCH = said_by_slurm(TIMES, KNOWN_TIME_DIFFERENCES)
TIMES_OF_TOOL = said_by_tool(TIMES, KNOWN_TIME_DIFFERENCES)
MOUNTS_OF_PYXIS = said_by_slurm(MOUNTS, KNOWN_MOUNT_DIFFERENCES)
MOUNTS_OF_TOOL = said_by_tool(MOUNTS, KNOWN_MOUNT_DIFFERENCES)


def dry_run(folder: Path, sections: dict[str, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Run the tool, which tells all mistakes at once, with more profiles for Slurm."""
    path = folder / "cases.json"
    path.write_text(json.dumps({"defaults": "slurm", "sections": sections}), encoding="utf-8")
    return run_tool("-c", str(path), "-d")


def refusals(folder: Path, field: str, values: dict[str, object]) -> Refusals:
    """Return what the tool says of the values of a field that it refuses, by their names."""
    names = {f"case_{number}": name for number, name in enumerate(values)}
    sections = {
        case: {"extends": "slurm_base", field: values[name]} for case, name in names.items()
    }
    done = dry_run(folder, sections)
    said = {}
    for line in done.stderr.splitlines():
        found = re.match(r"error: (case_\d+)\.", line)
        assert found, done.stderr
        said[names[found[1]]] = line

    # A value in which the run above saw no mistake must also pass where there is none else.
    right = {case: section for case, section in sections.items() if names[case] not in said}
    done = dry_run(folder, right)
    assert done.returncode == 0, done.stderr
    return said


@pytest.fixture(scope="module")
def refused_times(tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    """What the tool says of each time that it refuses."""
    return refusals(
        tmp_path_factory.mktemp("times"), "time", {time: time for time in TIMES_OF_TOOL}
    )


@pytest.fixture(scope="module")
def refused_mounts(tmp_path_factory: pytest.TempPathFactory) -> Refusals:
    """What the tool says of each mount that it refuses."""
    return refusals(
        tmp_path_factory.mktemp("mounts"), "mounts", {mount: [mount] for mount in MOUNTS_OF_TOOL}
    )


@pytest.fixture(scope="module")
def slurm_profiles(resolved: Callable[..., Tables]) -> Tables:
    """The Slurm profiles of every config, as `config-profile`."""
    found = {
        f"{config}-{name}": profile
        for config in CONFIGS
        for name, profile in resolved(config).items()
        if profile["executor"] == "slurm"
    }
    assert found, f"no Slurm profile in {CONFIGS}"
    return found


@pytest.fixture(scope="module")
def slurm_jobs(
    submitted: Callable[..., dict[Command, dict[str, Any]]], site_configs: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """The jobs of every Slurm site's commands, as `config-command`."""
    found = {
        f"{config}-{command.name}": job
        for config, path in site_configs.items()
        for command, job in submitted(path).items()
        if job["executor"] == "slurm"
    }
    assert found, f"no Slurm job in {list(site_configs)}"
    return found


def partition(job: dict[str, Any]) -> str:
    """Return the partition that a detached job runs in."""
    return str(job.get("batch_partition") or job["partition"])


@pytest.fixture(scope="module")
def sbatch(slurm_profiles: Tables, slurm_jobs: Tables) -> Iterator[Sbatch]:
    """Return `sbatch(*words)`, which asks a controller whether it would take a job."""
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's slurm-wlm and munge)")

    partitions = {partition(job) for job in (*slurm_profiles.values(), *slurm_jobs.values())}
    with slurm_controller(partitions) as env:

        def ask(*words: str) -> subprocess.CompletedProcess[str]:
            command = ["sbatch", "--test-only", *words]
            return subprocess.run(
                command, check=False, env=env, capture_output=True, text=True, timeout=60
            )

        yield ask


def assert_accepted(sbatch: Sbatch, jobs: Tables, folder: Path) -> None:
    """Assert that the controller takes the script of every job, for the job's partition."""
    pytest.importorskip("nemo_run", reason="nemo_run is not installed")
    from nemo_run_jobs import slurm_script

    for name, job in jobs.items():
        script = folder / f"{name}.sh"
        text = slurm_script(job, name, folder)
        script.write_text(text, encoding="utf-8")
        answer = sbatch("--requeue", "--parsable", str(script))
        assert answer.returncode == 0, f"{name}: {answer.stderr}\n{text}"
        assert answer.stderr.rstrip().endswith(f" in partition {partition(job)}"), (
            f"{name}: {answer.stderr}\n{text}"
        )


def test_every_profile_is_accepted(sbatch: Sbatch, slurm_profiles: Tables, tmp_path: Path) -> None:
    assert_accepted(sbatch, slurm_profiles, tmp_path)


def test_every_job_of_a_site_is_accepted(
    sbatch: Sbatch, slurm_jobs: Tables, tmp_path: Path
) -> None:
    assert_accepted(sbatch, slurm_jobs, tmp_path)


def test_pyxis_takes_the_mounts_of_every_job(slurm_profiles: Tables, slurm_jobs: Tables) -> None:
    for name, job in {**slurm_profiles, **slurm_jobs}.items():
        assert job["mounts"], name
        assert takes_mounts(",".join(job["mounts"])), f"{name}: {job['mounts']}"


@pytest.mark.parametrize(
    "option", ["--partition=nowhere", "--nodes=9", "--gpus-per-node=9", "--ntasks-per-node=129"]
)
def test_the_controller_refuses_what_it_has_not(sbatch: Sbatch, option: str) -> None:
    answer = sbatch(option, "--wrap=true")
    assert answer.returncode != 0, answer.stderr


@pytest.mark.parametrize(("time", "accepted"), rows(TIMES_OF_SBATCH))
def test_what_sbatch_says_of_a_time(sbatch: Sbatch, time: str, accepted: bool) -> None:
    answer = sbatch(f"--time={time}", "--wrap=true")
    assert (answer.returncode == 0) == accepted, answer.stderr
    assert accepted or "Invalid --time specification" in answer.stderr, answer.stderr


@pytest.mark.parametrize(("time", "accepted"), rows(TIMES_OF_TOOL))
def test_what_the_tool_says_of_a_time(refused_times: Refusals, time: str, accepted: bool) -> None:
    assert (time not in refused_times) == accepted, refused_times.get(time)


@pytest.mark.parametrize(("mount", "accepted"), rows(MOUNTS_OF_PYXIS))
def test_what_pyxis_says_of_a_mount(mount: str, accepted: bool) -> None:
    assert takes_mounts(mount) == accepted


@pytest.mark.parametrize(("mount", "accepted"), rows(MOUNTS_OF_TOOL))
def test_what_the_tool_says_of_a_mount(
    refused_mounts: Refusals, mount: str, accepted: bool
) -> None:
    assert (mount not in refused_mounts) == accepted, refused_mounts.get(mount)


def test_the_tool_names_what_pyxis_expects(refused_mounts: Refusals) -> None:
    assert [
        line for line in refused_mounts.values() if "SRC, SRC:DST or SRC:DST:FLAGS" not in line
    ] == []


@pytest.mark.parametrize("mount", ["lustre:/lustre", "/a,b:/data"])
def test_the_tool_refuses_a_mount_that_a_variable_holds(mount: str) -> None:
    done = run_tool("-c", "slurm", "-d", f"variables.SLURM_MOUNT={mount}")
    assert done.returncode == 2, done.stderr
    assert "SRC, SRC:DST or SRC:DST:FLAGS" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("agreed", "differences"),
    [(TIMES, KNOWN_TIME_DIFFERENCES), (MOUNTS, KNOWN_MOUNT_DIFFERENCES)],
    ids=["times", "mounts"],
)
def test_known_differences_are_differences(agreed: Verdicts, differences: Differences) -> None:
    assert {
        value for value, (by_slurm, by_tool, _) in differences.items() if by_slurm == by_tool
    } == set()
    assert agreed.keys() & differences.keys() == set()
