# SPDX-License-Identifier: Apache-2.0
"""A Slurm controller accepts every Slurm profile, and sbatch and the tool agree on what a time is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from generated_files import CONFIGS, Tables, run_tool
from slurm_controller import COMMANDS, slurm_controller

Sbatch = Callable[..., "subprocess.CompletedProcess[str]"]

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
KNOWN_DIFFERENCES = {
    "-1": (True, False, "read as UNLIMITED"),
    "-0": (True, False, "read as 0, no limit"),
    "-5": (True, False, "wraps round to 8000 years"),
    "1-": (True, False, "read as 1-0"),
    "4294967293": (False, True, "too large: wraps round, here to a value that sbatch refuses"),
}


def rows(reader: int) -> list[object]:
    """The times with the verdict of one reader: 0 for sbatch, 1 for the tool."""
    verdicts = {**TIMES, **{time: known[reader] for time, known in KNOWN_DIFFERENCES.items()}}
    return [pytest.param(time, accepted, id=ascii(time)) for time, accepted in verdicts.items()]


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
def sbatch(slurm_profiles: Tables) -> Iterator[Sbatch]:
    """Return `sbatch(*words)`, which asks a controller with the profiles' partitions whether it would take a job."""
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's slurm-wlm and munge)")

    with slurm_controller({profile["partition"] for profile in slurm_profiles.values()}) as env:

        def ask(*words: str) -> subprocess.CompletedProcess[str]:
            command = ["sbatch", "--test-only", *words]
            return subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=60)

        yield ask


def test_every_profile_is_accepted(sbatch: Sbatch, slurm_profiles: Tables, tmp_path: Path) -> None:
    pytest.importorskip("nemo_run", reason="nemo_run is not installed")
    from nemo_run_jobs import slurm_script

    for name, profile in slurm_profiles.items():
        script = tmp_path / f"{name}.sh"
        script.write_text(slurm_script(profile, name, tmp_path), encoding="utf-8")
        answer = sbatch("--requeue", "--parsable", str(script))
        assert answer.returncode == 0, f"{name}: {answer.stderr}\n{script.read_text(encoding='utf-8')}"
        assert answer.stderr.rstrip().endswith(f" in partition {profile['partition']}"), f"{name}: {answer.stderr}"


@pytest.mark.parametrize("option", ["--partition=nowhere", "--nodes=9", "--gpus-per-node=9", "--ntasks-per-node=129"])
def test_the_controller_refuses_what_it_has_not(sbatch: Sbatch, option: str) -> None:
    answer = sbatch(option, "--wrap=true")
    assert answer.returncode != 0, answer.stderr


@pytest.mark.parametrize(("time", "accepted"), rows(0))
def test_what_sbatch_says_of_a_time(sbatch: Sbatch, time: str, accepted: bool) -> None:
    answer = sbatch(f"--time={time}", "--wrap=true")
    assert (answer.returncode == 0) == accepted, answer.stderr
    assert accepted or "Invalid --time specification" in answer.stderr, answer.stderr


@pytest.mark.parametrize(("time", "accepted"), rows(1))
def test_what_the_tool_says_of_a_time(time: str, accepted: bool) -> None:
    done = run_tool("-c", "slurm", "-d", f"sections.slurm_base.time={time}")
    assert done.returncode == (0 if accepted else 2), done.stderr


def test_known_differences_are_differences() -> None:
    assert {time for time, (by_sbatch, by_tool, _) in KNOWN_DIFFERENCES.items() if by_sbatch == by_tool} == set()
    assert TIMES.keys() & KNOWN_DIFFERENCES.keys() == set()
