# SPDX-License-Identifier: Apache-2.0
"""Every command submits a job with the site's values, also where the step itself has others.

What the site says and what its jobs must have stands in sites.json; what a step's own config sets,
in step_values.json.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generated_files import Command, Tables, load_data

pytest.importorskip("omegaconf", reason="omegaconf is not installed")

from omegaconf import OmegaConf
from public_client import RAY_STEPS, STEP_VALUES, merge_job, step_values, word_values

Job = dict[str, Any]
Submitted = Callable[..., dict[Command, Job]]
ReadCommands = Callable[..., list[Command]]

SITES = load_data("sites.json")

#: The fields that words of the bundled configs' own commands set: slurm-airgap moves images.
BUNDLED_WORDS: dict[str, set[str]] = {
    "dgxcloud": set(),
    "lepton": set(),
    "slurm": set(),
    "slurm-airgap": {"container_image"},
}

#: Images that a shell, YAML or OmegaConf could take for something else.
IMAGES = [
    "registry.corp:5000#nvidia/nemo:26.04",
    "user@registry.corp#nemo:26.04",
    "/scratch/my images/nemo.sqsh",
    "/scratch/team's/nemo.sqsh",
    '/scratch/"quoted"/nemo.sqsh',
    "/scratch/a=b,c/[d]/{e}.sqsh",
    "/scratch/a: b #c.sqsh",
    "/scratch/$HOME/`id`/\\n.sqsh",
    "0123",
    "2.10",
    "12:00:00",
    "true",
    "null",
    "~",
]


def without_words(job: Job, profile: Job, command: Command) -> set[str]:
    """Return the fields that the job would not have without the words of its command."""
    bare = merge_job(profile, command, with_words=False)
    return {field for field in job if bare.get(field) != job[field]}


def expected_job(profile: Job, command: Command, site: dict[str, Any]) -> Job:
    """Return the job that a site must get: the bundled one, with its image and what it sets."""
    job: Any = merge_job(profile, command, with_words=False)
    job["container_image"] = site["images"].get(job["container_image"], job["container_image"])
    for pattern, values in site["jobs"].items():
        if fnmatch.fnmatchcase(command.profile, pattern):
            job = OmegaConf.to_container(OmegaConf.merge(job, values))
    return {field: value for field, value in job.items() if value is not None}


def key(command: Command) -> tuple[str, str, str]:
    """Return what a command and its counterpart in another file have in common."""
    return command.step, command.config, command.profile


def test_every_bundled_config_has_a_site(config: str) -> None:
    assert config in SITES
    assert config in BUNDLED_WORDS


def test_every_step_is_known(read_commands: ReadCommands, config: str) -> None:
    names = {f"{command.step} -c {command.config}" for command in read_commands(config)}
    assert names - STEP_VALUES.keys() == set()


def test_no_two_commands_are_the_same(read_commands: ReadCommands, config: str) -> None:
    names = [command.name for command in read_commands(config)]
    assert sorted(set(names)) == sorted(names)


def test_bundled_values_need_no_words(read_commands: ReadCommands, config: str) -> None:
    fields = {field for command in read_commands(config) for field in word_values(command)}
    assert fields == BUNDLED_WORDS[config]


def test_both_forms_of_a_file_have_the_same_commands(
    read_commands: ReadCommands, site_configs: dict[str, str], config: str
) -> None:
    site = site_configs[config]
    assert read_commands(site, "expand=false") == read_commands(site)


def test_a_site_keeps_every_command(
    read_commands: ReadCommands, site_configs: dict[str, str], config: str
) -> None:
    bundled = [key(command) for command in read_commands(config)]
    assert [key(command) for command in read_commands(site_configs[config])] == bundled


def test_words_say_only_what_the_step_itself_sets(
    read_commands: ReadCommands, site_configs: dict[str, str], config: str
) -> None:
    for command in read_commands(site_configs[config]):
        assert word_values(command).keys() - step_values(command).keys() == set(), command.line


def test_some_jobs_need_the_words(
    submitted: Submitted, resolved: Callable[..., Tables], site_configs: dict[str, str], config: str
) -> None:
    site = site_configs[config]
    needed = set()
    for command, job in submitted(site).items():
        needed |= without_words(job, resolved(site)[command.profile], command)
    assert needed >= {"container_image", "nodes"}


def test_every_job_is_what_the_site_says(
    submitted: Submitted, resolved: Callable[..., Tables], site_configs: dict[str, str], config: str
) -> None:
    site = SITES[config]
    bundled = resolved(config, **site["config"]["variables"])
    for command, job in submitted(site_configs[config]).items():
        expected = expected_job(bundled[command.profile], command, site)
        assert job == expected, command.line
        assert "nvcr.io" not in str(job), command.line


def test_every_submission_is_what_the_site_says(
    submitted: Submitted, site_configs: dict[str, str], run_ai: str, tmp_path: Path, config: str
) -> None:
    pytest.importorskip("nemo_run", reason="nemo_run is not installed")
    import requests_made

    for command, job in submitted(site_configs[config]).items():
        print(command.line)
        kind = (job["executor"], command.step in RAY_STEPS)
        if kind == ("lepton", True):
            requests_made.check_lepton_ray_cluster(job, command.line)
        elif kind == ("lepton", False):
            requests_made.check_lepton_job(job, command.line)
        elif kind == ("dgxcloud", True):
            requests_made.check_dgxcloud_ray_job(job, command.line, run_ai)
        elif kind == ("dgxcloud", False):
            requests_made.check_dgxcloud_job(job, command.line, run_ai)
        else:
            requests_made.check_slurm_job(job, command.name, tmp_path)


def test_a_variable_of_the_environment_reaches_the_words(submitted: Submitted) -> None:
    moved = {
        command.line: job["container_image"]
        for command, job in submitted(
            "slurm-airgap", NEMOTRON_IMAGE_REGISTRY="other.corp:5000"
        ).items()
    }
    assert [
        line for line, image in moved.items() if not image.startswith("other.corp:5000#nvidia/")
    ] == []


def test_an_image_arrives_letter_by_letter(submitted: Submitted, tmp_path: Path) -> None:
    images = {f"image_{number}": image for number, image in enumerate(IMAGES)}
    sections = {
        name: {"extends": "slurm_base", "container_image": image} for name, image in images.items()
    }
    steps = {name: ["convert/hf_to_megatron -c default"] for name in images}
    path = tmp_path / "images.json"
    path.write_text(
        json.dumps({"defaults": "slurm", "sections": sections, "steps": steps}), encoding="utf-8"
    )

    jobs = {command.profile: (command.line, job) for command, job in submitted(str(path)).items()}
    for name, image in images.items():
        line, job = jobs[name]
        assert job["container_image"] == image, line
